package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// maxMerged is how many writes, or keys to read, go to the server as one command or
// transaction at most: the server does nothing else meanwhile.
const maxMerged = 32

// A shipment is how the commands of a batch go to a server. One call of manyScript stands
// for usual writes of keys of a slot, and one transaction for reads. Any other command
// goes as it is.
type shipment struct {
	cmds    []redis.Cmder
	bundles []*bundle
	reads   []*transaction
	refused []*command // reads whose transaction the server has refused
	most    int        // how many commands there were
}

// pack returns the shipment of cmds.
func (p *pipelines) pack(ctx context.Context, cmds []*command) *shipment {
	s := &shipment{cmds: make([]redis.Cmder, 0, len(cmds)), most: len(cmds)}
	merges := len(cmds) > 1 && !p.plain
	var open map[bundleOf]*bundle
	for _, c := range cmds {
		switch {
		case merges && c.script == writeScript && c.isUsual():
			if open == nil {
				open = make(map[bundleOf]*bundle, 1)
			}
			s.bundle(p, open, c)
		case c.script == readScript && p.transacts():
			s.read(p, c)
		default:
			s.cmds = append(s.cmds, c)
		}
	}
	s.close(ctx)
	return s
}

// close makes the commands of the bundles and the reads.
func (s *shipment) close(ctx context.Context) {
	bundles := s.bundles[:0]
	for _, b := range s.bundles {
		if len(b.writes) == 1 {
			s.cmds = append(s.cmds, b.writes[0])
			continue
		}
		bundles = append(bundles, b)
		b.close(ctx)
		s.cmds = append(s.cmds, &b.call)
	}
	s.bundles = bundles
	for _, t := range s.reads {
		s.cmds = t.appendTo(ctx, s.cmds)
	}
}

// settle gives each command its answer. It returns a shipment of those that must be sent
// once more, or nil. No write among them has landed.
func (s *shipment) settle(ctx context.Context, p *pipelines) *shipment {
	again := new(shipment)
	for _, b := range s.bundles {
		left, unknown := b.settle(p)
		if again.cmds = appendAll(again.cmds, left); unknown {
			again.bundles = append(again.bundles, b)
		}
	}
	for _, t := range s.reads {
		left, refused := t.settle(p)
		if again.cmds = appendAll(again.cmds, left); refused {
			again.refused = append(again.refused, left...)
		}
	}
	for _, c := range s.refused {
		if c.Err() == nil { // the script was not refused
			p.refused.Store(true)
		}
	}
	if again.close(ctx); len(again.cmds) == 0 {
		return nil
	}
	return again
}

func appendAll(to []redis.Cmder, cmds []*command) []redis.Cmder {
	for _, c := range cmds {
		to = append(to, c)
	}
	return to
}
