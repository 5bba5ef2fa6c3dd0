package foreign_test

import (
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/foreign"
)

// samples are written from the public description of each format.
var samples = []struct {
	name, format, key, text string
	want                    string // keys and positions, in their order
}{
	{
		"Kafka: one group", "kafka", "billing",
		"orders,0,5\norders,1,0\n",
		"billing/orders/0 5/5, billing/orders/1 0/0",
	},
	{
		"Kafka: several groups", "kafka", "",
		"\"billing\",\"orders\",0,18446744073709551615\nmail,orders,0,7\n",
		"billing/orders/0 18446744073709551615/18446744073709551615, mail/orders/0 7/7",
	},
	{
		"Connect: a sink", "connect", "sink",
		`{"offsets":[{"partition":{"kafka_topic":"orders","kafka_partition":2},"offset":{"kafka_offset":9}},
		  {"partition":{"kafka_topic":"orders","kafka_partition":3},"offset":null}]}`,
		"sink/orders/2 9/9",
	},
	{
		"Debezium: PostgreSQL, from the topic of offsets", "connect", "",
		`["inventory",{"server":"db1"}]	{"lsn":24023128,"txId":555,"ts_usec":1462206182000000,"snapshot":true,"last_snapshot_record":true}
		["inventory",{"server":"db1"}]	{"transaction_id":null,"lsn_proc":24023400,"lsn_commit":24023300,"lsn":24023400,"txId":556}
		["gone",{"server":"db2"}]	{"lsn":1}
		["gone",{"server":"db2"}]	null`,
		"inventory/db1 24023300/24023300",
	},
	{
		"Debezium: MySQL", "connect", "",
		`["m",{"server":"s"}] {"transaction_id":null,"ts_sec":1698175034,"file":"mysql-bin.008984","pos":219,"row":148,"server_id":1,"event":12}`,
		"m/s 8984/218",
	},
	{
		"Debezium: MongoDB", "connect", "mongo",
		`{"offsets":[{"partition":{"server_id":"fulfillment"},"offset":{"sec":1666193824,"ord":3,"transaction_id":null,"resume_token":"826350"}}]}`,
		"mongo/fulfillment 1666193824/2",
	},
	{
		"KCL: an answer of DynamoDB", "kcl", "app",
		`{"Items":[{"leaseKey":{"S":"shardId-000000000000"},"checkpoint":{"S":"4957"},"checkpointSubSequenceNumber":{"N":"2"},"leaseCounter":{"N":"7"}},
		  {"leaseKey":{"S":"shardId-000000000001"},"checkpoint":{"S":"TRIM_HORIZON"}}],"Count":2}`,
		"app/shardId-000000000000 4957/2, app/shardId-000000000001 0/0",
	},
	{
		"KCL: a CSV of the console", "kcl", "",
		"\"leaseKey (S)\",\"checkpoint (S)\",\"checkpointSubSequenceNumber (N)\"\nshardId-1,12,\n",
		"shardId-1 12/0",
	},
	{
		"Axon: a CSV of PostgreSQL", "axon", "",
		"processor_name,segment,owner,timestamp,token,token_type\n" +
			`orders,0,,2026-01-02T03:04:05Z,"{""index"":46543,""gaps"":[46476,46477]}",org.axonframework.eventhandling.GapAwareTrackingToken` + "\n" +
			`orders,1,,2026-01-02T03:04:05Z,\x7b22676c6f62616c496e646578223a377d,org.axonframework.eventhandling.GlobalSequenceTrackingToken` + "\n" +
			`new,0,,2026-01-02T03:04:05Z,"{""index"":-1,""gaps"":[]}",` + "\n",
		"orders/0 46475/46475, orders/1 7/7, new/0 0/0",
	},
	{
		"Axon: JSON", "axon", "",
		`[{"processorName":"orders","segment":0,"token":{"index":3,"gaps":[]},"tokenType":"GapAwareTrackingToken"}]`,
		"orders/0 3/3",
	},
	{
		"Marten: a CSV of psql", "marten", "",
		"name,last_seq_id,last_updated\nHighWaterMark,1200,2026-01-02 03:04:05+00\nTrip:All,1180,2026-01-02 03:04:05+00\n",
		"Trip:All 1180/1180",
	},
	{
		"Marten: JSON", "marten", "",
		`{"name":"Trip:All","last_seq_id":0}` + "\n",
		"Trip:All 0/0",
	},
	{
		"Eventuous: mongoexport", "eventuous", "",
		`{"_id":"bookings","Position":{"$numberLong":"9007199254740993"}}` + "\n" + `{"_id":"payments","position":4}` + "\n",
		"bookings 9007199254740993/9007199254740993, payments 4/4",
	},
	{
		"Eventuous: a search engine", "eventuous", "",
		`{"_index":"checkpoint","_id":"x","_source":{"id":"bookings","position":12}}`,
		"bookings 12/12",
	},
	{
		"Eventuous: a table", "eventuous", "", "id,position\nbookings,12\n", "bookings 12/12",
	},
	{
		"EventStore Replicator", "replicator", "replica", "\ufeff12,3456\n", "replica 3456/3456",
	},
	{
		"Event Hubs: the metadata of one blob", "eventhubs", "hub/$default/0",
		`{"offset":"4294967296","sequencenumber":"41","clientidentifier":"a"}`,
		"hub/$default/0 42/42",
	},
	{
		"Event Hubs: a list of blobs", "eventhubs", "",
		`[{"name":"ns.servicebus.windows.net/hub/$default/checkpoint/0","metadata":{"offset":"0","sequencenumber":"0"}},
		  {"name":"ns.servicebus.windows.net/hub/$default/ownership/0","metadata":{"ownerid":"x"}}]`,
		"hub/$default/0 1/1",
	},
}

func TestSamples(t *testing.T) {
	tried := make(map[string]bool)
	for _, s := range samples {
		tried[s.format] = true
		t.Run(s.name, func(t *testing.T) {
			got, err := read(t, s.format, s.text, s.key)
			if err != nil || got != s.want {
				t.Errorf("it is %q, %v; want %q", got, err, s.want)
			}
		})
	}
	for _, f := range foreign.Formats {
		if !tried[f.Name] {
			t.Errorf("no sample is of the format %s", f.Name)
		}
	}
}

func read(t *testing.T, format, text, key string) (string, error) {
	t.Helper()
	f, err := foreign.Find(format)
	if err != nil {
		t.Fatal(err)
	}
	all, err := f.Read(strings.NewReader(text), key)
	var shown []string
	for _, c := range all {
		shown = append(shown, c.Key+" "+strings.NewReplacer("C:", "", "P:", "").Replace(c.Position.String()))
		if c.Position == (checkpoint.Position{}) && !strings.HasSuffix(shown[len(shown)-1], " 0/0") {
			t.Errorf("%q shows no position", shown)
		}
	}
	return strings.Join(shown, ", "), err
}

// TestRefusals: a file that does not fit gives an error that says what is wanted.
func TestRefusals(t *testing.T) {
	const decimal = "want a decimal number from 0 to 18446744073709551615"
	for _, c := range []struct{ format, text, want string }{
		{"kafka", "orders,0,-1", `line 1: the offset is "-1": ` + decimal},
		{"kafka", "a,0,1\nb,0\n", "line 2 has 2 fields: want topic,partition,offset"},
		{"kafka", "TOPIC,PARTITION,OFFSET\n", "the partition is"},
		{"kafka", "a,0,1\na,0,2\n", "twice"},
		{"kafka", "", "no position of the format kafka"},
		{"kcl", `{"leaseKey":"s","checkpoint":"49590338271490256608559692538361571095921575989136588898"}`, decimal + "; its 56 digits are more"},
		{"kcl", `{"leaseKey":"s","checkpoint":"LATEST"}`, "LATEST, which is no position"},
		{"kcl", `{"checkpoint":"1"}`, "leaseKey is missing"},
		{"kcl", "leaseKey\ns\n", "checkpoint is missing: " + decimal},
		{"connect", `{"offsets":[{"partition":{"server":"a"},"offset":{"lsn":"0/16B3748"}}]}`, decimal + "; it looks like a hexadecimal LSN"},
		{"connect", `{"offsets":[{"partition":{"server":"a"},"offset":{"lsn":"16B3748"}}]}`, "hexadecimal LSN: convert it, 0/16B3748 is 23803720"},
		{"connect", `{"offsets":[{"partition":{"server":"a"},"offset":{"lsn":1.5e3}}]}`, `"1.5e3": ` + decimal},
		{"connect", `{"offsets":[{"partition":{"server":"a"},"offset":{"commit_lsn":"00000025:00000d98:00a2"}}]}`, "write JSON Lines"},
		{"connect", `{"offsets":[{"partition":{"server":"a"},"offset":{"lsn":7,"snapshot":true}}]}`, "within a snapshot"},
		{"connect", `{"offsets":[{"partition":{"filename":"a"},"offset":{"position":7}}]}`, "want kafka_offset, or Debezium's lsn"},
		{"connect", `["a",{"server":"s"}]`, "a key without its value"},
		{"connect", `[]`, "a key without its value"},
		{"connect", `{}`, `want {"offsets":[...]}`},
		{"axon", "processor_name,segment,token\na,0,<token/>\n", `want the token as JSON, {"index":7,"gaps":[]}`},
		{"axon", "processor_name,segment,token\na,0,\n", "token is empty"},
		{"axon", `{"processorName":"a","segment":0,"token":"{\"index\":1}","tokenType":"x.ReplayToken"}`, "want a GapAwareTrackingToken"},
		{"axon", "processor_name,segment,token\na,0,16405\n", "want the token as JSON"},
		{"marten", `[{"name":"a","last_seq_id":null}]`, "last_seq_id is missing"},
		{"marten", "[1]", "entry 1 is no object"},
		{"eventuous", `{"_id":"a","position":null}`, "position is missing"},
		{"replicator", "12", "want the event number, a comma and the position: 12,3456"},
		{"replicator", "12,34,56", `the position is "34,56": ` + decimal},
		{"replicator", "12,34", "give --key"},
		{"eventhubs", `{"offset":"12"}`, "offset, which counts bytes"},
		{"eventhubs", `{"sequencenumber":"-1"}`, decimal},
		{"eventhubs", `{"sequencenumber":"18446744073709551615"}`, "which is not an offset"},
		{"eventhubs", `{"sequencenumber":`, "not JSON"},
	} {
		got, err := read(t, c.format, c.text, "")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s is %q, %v; want an error with %q", c.format, c.text, got, err, c.want)
		}
	}
	if _, err := foreign.Find("csv"); err == nil || !strings.Contains(err.Error(), "want kafka, connect") {
		t.Errorf("an unknown format: %v", err)
	}
}

// FuzzRead: no file makes a format do anything but return keys or an error.
func FuzzRead(f *testing.F) {
	for _, s := range samples {
		f.Add(s.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range foreign.Formats {
			all, err := format.Read(strings.NewReader(text), "k")
			if (len(all) == 0) == (err == nil) {
				t.Errorf("%s of %q: %d keys, %v", format.Name, text, len(all), err)
			}
		}
	})
}
