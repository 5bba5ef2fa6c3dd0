package main

import "testing"

// TestEventsTrimmedWhileItReads: the stream then goes on after a gap, as if the
// events in it had never been.
func TestEventsTrimmedWhileItReads(t *testing.T) {
	w := newWorld(t)
	w.write(t.Context(), 1, 1)
	first := w.head()
	var read []event
	var failure error
	for e, err := range events(t.Context(), w.client, "orders", event{}.position) {
		if err != nil {
			failure = err
			break
		}
		read = append(read, e)
		if len(read) == 2 {
			break
		}
		w.write(t.Context(), 1, 2)
		if err := w.client.XTrimMaxLen(t.Context(), "orders", 1).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if failure == nil {
		t.Fatalf("read %v, and no error of what was trimmed in between", read)
	}
	if len(read) != 1 || read[0].position != first {
		t.Errorf("read %v, then %v; want the first event alone", read, failure)
	}
}

// TestEventsTrimmedUpToTheLastRead: what was read is not missed.
func TestEventsTrimmedUpToTheLastRead(t *testing.T) {
	w := newWorld(t)
	w.write(t.Context(), 1, 2)
	n := 0
	for _, err := range events(t.Context(), w.client, "orders", event{}.position) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
		if n == 2 {
			if err := w.client.XTrimMaxLen(t.Context(), "orders", 1).Err(); err != nil {
				t.Fatal(err)
			}
			w.write(t.Context(), 1, 1)
		}
	}
}
