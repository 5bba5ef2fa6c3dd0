package main

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"
)

// logID names the log by the ID of an event in a stream of its own, which the
// first consumer writes. A log that is made anew gets another.
func logID(ctx context.Context, client *kurrentdb.Client) (string, error) {
	const stream = "checkpoint-log-id"
	read := func() (string, error) {
		events, err := client.ReadStream(ctx, stream, kurrentdb.ReadStreamOptions{RequiresLeader: true}, 1)
		if err != nil {
			return "", err
		}
		defer events.Close()
		first, err := events.Recv()
		if err != nil {
			return "", err
		}
		return first.Event.EventID.String(), nil
	}
	id, err := read()
	if e := (*kurrentdb.Error)(nil); !errors.As(err, &e) || !e.IsErrorCode(kurrentdb.ErrorCodeResourceNotFound) {
		return id, err
	}
	_, appendErr := client.AppendToStream(ctx, stream, kurrentdb.AppendToStreamOptions{StreamState: kurrentdb.NoStream{}},
		kurrentdb.EventData{EventID: uuid.New(), EventType: "LogNamed", ContentType: kurrentdb.ContentTypeJson, Data: []byte("{}")})
	if id, err = read(); err != nil { // another consumer may have been faster
		return "", errors.Join(err, appendErr)
	}
	return id, nil
}
