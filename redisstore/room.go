package redisstore

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// A room is the memory of some commands and of their arguments.
type room struct {
	cmds []redis.Cmd
	args []any
}

// rooms are those of clients that Open has made. A hook of a caller's client may keep
// commands.
var rooms = sync.Pool{New: func() any { return new(room) }}

func (p *pipelines) takeRoom() *room {
	if !p.owned {
		return new(room)
	}
	r, _ := rooms.Get().(*room)
	return r
}

// giveBack takes r back from commands that are answered, and that nobody looks at any more.
func (p *pipelines) giveBack(r *room) {
	if !p.owned {
		return
	}
	clear(r.cmds)
	clear(r.args)
	r.cmds, r.args = r.cmds[:0], r.args[:0]
	rooms.Put(r)
}

// grow makes space for commands that have so many arguments together.
func (r *room) grow(cmds, args int) {
	r.cmds = slices.Grow(r.cmds, cmds)
	r.args = slices.Grow(r.args, args)
}

// command returns a command with the arguments from first on.
func (r *room) command(ctx context.Context, first int) *redis.Cmd {
	r.cmds = append(r.cmds, *redis.NewCmd(ctx, r.args[first:len(r.args):len(r.args)]...))
	return &r.cmds[len(r.cmds)-1]
}
