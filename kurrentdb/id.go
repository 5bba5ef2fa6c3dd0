package kurrentdb

import (
	"context"
	"errors"

	"github.com/google/uuid"
	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"
)

// idStream is the stream whose first event names the log.
const idStream = "checkpoint-log-id"

// ID names the log by the ID of an event in the stream checkpoint-log-id. The first call
// writes this event. A new log gets another ID. A restored backup keeps its ID.
//
// From then on, the readers of l end with [ErrOtherLog] if they are connected to a log with
// another ID, or without one.
func (l *Log) ID(ctx context.Context) (id string, err error) {
	client, err := l.connect()
	if err != nil {
		return "", err
	}
	defer client.Close()
	for range 3 { // after a client has met a follower, its next call goes to the leader
		if id, err = nameOf(ctx, client); !hasCode(err, kurrent.ErrorCodeNotLeader) {
			break
		}
	}
	if err == nil {
		l.id.Store(&id)
	}
	return id, err
}

func nameOf(ctx context.Context, client *kurrent.Client) (string, error) {
	id, err := readName(ctx, client, true)
	if !hasCode(err, kurrent.ErrorCodeResourceNotFound) {
		return id, err
	}
	_, appendErr := client.AppendToStream(ctx, idStream, kurrent.AppendToStreamOptions{StreamState: kurrent.NoStream{}},
		kurrent.EventData{EventID: uuid.New(), EventType: "LogNamed", ContentType: kurrent.ContentTypeJson, Data: []byte("{}")})
	if id, err = readName(ctx, client, true); err != nil { // another consumer may have been first
		return "", errors.Join(err, appendErr)
	}
	return id, nil
}

func readName(ctx context.Context, client *kurrent.Client, atLeader bool) (string, error) {
	events, err := client.ReadStream(ctx, idStream, kurrent.ReadStreamOptions{RequiresLeader: atLeader}, 1)
	if err != nil {
		return "", err
	}
	defer events.Close()
	first, err := events.Recv()
	if err != nil {
		return "", err
	}
	return first.OriginalEvent().EventID.String(), nil
}
