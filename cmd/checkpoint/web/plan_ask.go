package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
)

func (s *server) planPause(ctx context.Context, p *plan, _ url.Values) error {
	statuses, err := s.store.Statuses(ctx, p.Key)
	if err != nil {
		return err
	}
	n := len(statuses[0].Instances)
	if n == 0 && !p.before.Holds() {
		return refuse(http.StatusNotFound, "Nothing is stored for the key %q.", p.Key)
	}
	if pause := statuses[0].Pause; pause != nil {
		p.say("It is %s. The new pause replaces this one.", pause)
	}
	p.say("A running instance reads no more, finishes the events in work, and stores what it has done. An instance that starts waits.")
	p.say("A pause is a request: a writer that does not report goes on.")
	switch n {
	case 0:
		p.say("No instance of it reports.")
	case 1:
		p.say("1 instance reports, and will hear of the pause.")
	default:
		p.say("%d instances report, and will hear of the pause.", n)
	}
	return nil
}

func (s *server) planResume(ctx context.Context, p *plan, _ url.Values) error {
	statuses, err := s.store.Statuses(ctx, p.Key)
	if err != nil {
		return err
	}
	if statuses[0].Pause == nil {
		return refuse(http.StatusConflict, "%q is not paused.", p.Key)
	}
	p.say("It is %s.", statuses[0].Pause)
	p.say("Its instances go on with the next event.")
	return nil
}

func (s *server) planRevoke(_ context.Context, p *plan, _ url.Values) error {
	cell := &p.before
	switch l := cell.Lease; {
	case cell.Fence.Err != nil:
		return cell.Fence.Err
	case !l.Exists() || l.Err == nil && l.Epoch != cell.Fence.Epoch:
		return refuse(http.StatusConflict, "Nobody has a lease on %q.", p.Key)
	case l.Err != nil:
		p.say("The lease is damaged. To revoke it repairs it.")
	case rewind.Held(cell, time.Now()):
		p.say("The lease is that of %s.", rewind.Holder(cell, time.Now()))
	default:
		p.say("The lease of %q has ended.", l.Owner)
	}
	if out := rewind.LockedOut(cell, time.Now()); out != "" {
		p.say("This raises the fence: %s.", out)
	}
	p.say("The position stays, and another instance can take over at once.")
	return nil
}
