package wire

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/stats"
)

// A trail is what is known about one call: whether anybody watched, and whether the
// request left this process.
type trail struct {
	watched, sent atomic.Bool
}

type trailKey struct{}

// A watcher leaves the evidence of every attempt in the trail of its call. It belongs
// into the dial options of a connection. gRPC reports a payload once it is handed to
// the transport, so its absence proves that nothing was sent, and its presence proves
// nothing: only the first is ever relied on.
type watcher struct{}

var _ stats.Handler = watcher{}

// TagRPC notes that the call is watched.
func (watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		t.watched.Store(true)
	}
	return ctx
}

// HandleRPC notes a payload that left. gRPC makes a transparent retry only of a
// request that was not written or that the server says it did not process, so a retry
// takes back what was noted before it.
func (watcher) HandleRPC(ctx context.Context, event stats.RPCStats) {
	t, ok := ctx.Value(trailKey{}).(*trail)
	if !ok {
		return
	}
	switch event := event.(type) {
	case *stats.Begin:
		if event.IsTransparentRetryAttempt {
			t.sent.Store(false)
		}
	case *stats.OutPayload:
		t.sent.Store(true)
	}
}

// TagConn does nothing: connections are not what is asked about.
func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (watcher) HandleConn(context.Context, stats.ConnStats) {}
