package wire

import (
	"context"
	"testing"

	"google.golang.org/grpc/stats"
)

func TestWatcherKeepsTheEvidenceOfTheLastAttempt(t *testing.T) {
	begin, again := &stats.Begin{Client: true}, &stats.Begin{Client: true, IsTransparentRetryAttempt: true}
	sent, ended := &stats.OutPayload{Client: true}, &stats.End{Client: true}
	tests := map[string]struct {
		events []stats.RPCStats
		want   bool
	}{
		"nothing happened":        {nil, false},
		"never written":           {[]stats.RPCStats{begin, ended}, false},
		"only headers left":       {[]stats.RPCStats{begin, &stats.OutHeader{}, ended}, false},
		"written":                 {[]stats.RPCStats{begin, sent}, true},
		"written and answered":    {[]stats.RPCStats{begin, sent, &stats.InPayload{}, ended}, true},
		"unprocessed, not resent": {[]stats.RPCStats{begin, sent, ended, again, ended}, false},
		"unprocessed, resent":     {[]stats.RPCStats{begin, sent, ended, again, sent, ended}, true},
		"an ordinary begin does not take back": {
			[]stats.RPCStats{begin, sent, ended, begin, ended}, true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var trail trail
			ctx := watcher{}.TagRPC(context.WithValue(t.Context(), trailKey{}, &trail), &stats.RPCTagInfo{})
			for _, event := range tt.events {
				watcher{}.HandleRPC(ctx, event)
			}
			if got := trail.sent.Load(); got != tt.want {
				t.Errorf("sent = %v, want %v", got, tt.want)
			}
			if !trail.watched.Load() {
				t.Error("the call does not know that it was watched")
			}
		})
	}
}

func TestWatcherLeavesOtherCallsAlone(t *testing.T) {
	ctx := watcher{}.TagRPC(t.Context(), &stats.RPCTagInfo{})
	watcher{}.HandleRPC(ctx, &stats.OutPayload{})
	if ctx != t.Context() {
		t.Error("the context of a call of somebody else was changed")
	}
}
