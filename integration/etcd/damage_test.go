package etcd

import (
	"errors"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

const (
	soundCheckpoint = `{"position":{"commit":"5","prepare":"6"},"epoch":"2"}`
	soundFence      = `{"epoch":"2"}`
	soundLease      = `{"owner":"a","epoch":"2","ttlMilliseconds":"60000","expiresAt":"2030-01-01T00:00:00.000Z"}`
	soundHeld       = `{"owner":"a","epoch":"2"}`
)

// What an operator has put by hand is sound, or damaged, and never missing.
func TestPutByHand(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	for name, test := range map[string]struct {
		checkpoint, fence, lease, held string
		bare                           bool // the key of the held lease has no etcd lease
		damaged                        error
	}{
		"sound":                        {checkpoint: soundCheckpoint, fence: soundFence, lease: soundLease, held: soundHeld},
		"spaces":                       {checkpoint: " { \"position\" : {\"commit\":\"5\",\"prepare\":\"6\"} }\n"},
		"no JSON":                      {checkpoint: "5@6", damaged: driver.ErrCorruptCheckpoint},
		"empty":                        {checkpoint: " ", damaged: driver.ErrCorruptCheckpoint},
		"null":                         {checkpoint: "null", damaged: driver.ErrCorruptCheckpoint},
		"no position":                  {checkpoint: "{}", damaged: driver.ErrCorruptCheckpoint},
		"null position":                {checkpoint: `{"position":null}`, damaged: driver.ErrCorruptCheckpoint},
		"half a position":              {checkpoint: `{"position":{"commit":"5"}}`, damaged: driver.ErrCorruptCheckpoint},
		"a rounded position":           {checkpoint: `{"position":{"commit":5,"prepare":6}}`, damaged: driver.ErrCorruptCheckpoint},
		"a number for the epoch":       {checkpoint: `{"position":{"commit":"5","prepare":"6"},"epoch":2}`, damaged: driver.ErrCorruptCheckpoint},
		"a time without milliseconds":  {checkpoint: `{"position":{"commit":"5","prepare":"6"},"updatedAt":"2026-01-01T00:00:00Z"}`, damaged: driver.ErrCorruptCheckpoint},
		"an unknown field":             {checkpoint: `{"position":{"commit":"5","prepare":"6"},"expires":"never"}`, damaged: driver.ErrCorruptCheckpoint},
		"two values":                   {checkpoint: soundCheckpoint + soundCheckpoint, damaged: driver.ErrCorruptCheckpoint},
		"something behind":             {checkpoint: soundCheckpoint + "}", damaged: driver.ErrCorruptCheckpoint},
		"a fence of zero":              {fence: `{"epoch":"0"}`, damaged: driver.ErrCorruptFence},
		"a fence without an epoch":     {fence: `{}`, damaged: driver.ErrCorruptFence},
		"a fence above 64 bits":        {fence: `{"epoch":"18446744073709551616"}`, damaged: driver.ErrCorruptFence},
		"a lease without an owner":     {lease: `{"epoch":"2","ttlMilliseconds":"60000","expiresAt":"2030-01-01T00:00:00.000Z"}`, damaged: driver.ErrCorruptLease},
		"a lease without a TTL":        {lease: `{"owner":"a","epoch":"2","expiresAt":"2030-01-01T00:00:00.000Z"}`, damaged: driver.ErrCorruptLease},
		"a TTL that overflows":         {lease: `{"owner":"a","epoch":"2","ttlMilliseconds":"9223372036854775807","expiresAt":"2030-01-01T00:00:00.000Z"}`, damaged: driver.ErrCorruptLease},
		"held without a lease":         {held: soundHeld, damaged: driver.ErrCorruptLease},
		"held by another":              {lease: soundLease, held: `{"owner":"b","epoch":"2"}`, damaged: driver.ErrCorruptLease},
		"held with another epoch":      {lease: soundLease, held: `{"owner":"a","epoch":"3"}`, damaged: driver.ErrCorruptLease},
		"held for ever":                {lease: soundLease, held: soundHeld, bare: true, damaged: driver.ErrCorruptLease},
		"held, and not readable":       {lease: soundLease, held: "yes", damaged: driver.ErrCorruptLease},
		"a lease that nobody can read": {lease: "damaged", held: soundHeld, damaged: driver.ErrCorruptLease},
	} {
		t.Run(name, func(t *testing.T) {
			d := openEmpty(t, cluster)
			put(t, d, "checkpoint/k", test.checkpoint, 0)
			put(t, d, "fence/k", test.fence, 0)
			put(t, d, "lease/k", test.lease, 0)
			if test.held != "" {
				var id clientv3.LeaseID
				if !test.bare {
					granted, err := d.client.Grant(t.Context(), 600)
					if err != nil {
						t.Fatal(err)
					}
					id = granted.ID
				}
				put(t, d, "held/k", test.held, id)
			}
			cells, err := d.Inspect(t.Context(), []string{"k"})
			if err != nil {
				t.Fatal(err)
			}
			c := cells[0]
			for part, found := range map[error]error{
				driver.ErrCorruptCheckpoint: c.Checkpoint.Err, driver.ErrCorruptFence: c.Fence.Err, driver.ErrCorruptLease: c.Lease.Err,
			} {
				if errors.Is(part, test.damaged) != (found != nil) || found != nil && !errors.Is(found, part) {
					t.Errorf("%v: %v", part, found)
				}
			}
			if !c.Holds() {
				t.Error("the cell holds nothing")
			}
		})
	}
}

func put(t *testing.T, d placed, name, value string, id clientv3.LeaseID) {
	t.Helper()
	if value == "" {
		return
	}
	if _, err := d.client.Put(t.Context(), d.prefix+name, value, clientv3.WithLease(id)); err != nil {
		t.Fatal(err)
	}
}

// An etcd lease may remove a checkpoint that does not say so.
func TestCheckpointUnderAnEtcdLeaseSaysWhenItExpires(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	granted, err := d.client.Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	put(t, d, "checkpoint/k", soundCheckpoint, granted.ID)
	records, err := d.Get(t.Context(), []string{"k"})
	if err != nil || !errors.Is(records[0].Err, driver.ErrCorruptCheckpoint) {
		t.Errorf("Get: %+v, %v, want damage", records, err)
	}
	gets(t, d, driver.Advanced, write(driver.Set, "k", 7))
	if p := position(t, d, "k"); p != 7 {
		t.Errorf("the position is %d, want 7", p)
	}
}
