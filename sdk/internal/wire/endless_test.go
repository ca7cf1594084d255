package wire

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// grows watches the heap while do runs and returns how far it grew at most, in bytes.
func grows(do func()) uint64 {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	runtime.GC()
	before, most := heap(), uint64(0)
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(over)
	<-watched
	return most - min(most, before)
}

// much is more than any answer may cost: it is many times the largest that is taken.
const much = 48 << 20

// flooding serves whatever is asked by what flood does to the stream.
func flooding(t *testing.T, flood func(grpc.ServerStream) error) *Client {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(shortDir(t), "plugin"))
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.WaitForHandlers(true), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		if err := s.RecvMsg(&pb.RefundRequest{}); err != nil {
			return err
		}
		return flood(s)
	}))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return NewClient(over(t, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", listener.Addr().String())
	}, DialOptions(maxReply)))
}

// Answers without end and beyond every size come to a typed error, and cost the host
// next to nothing, however much there is of them.
func TestAnswersWithoutEndAreRefused(t *testing.T) {
	piece := &pb.RefundResponse{Refund: string(make([]byte, maxReply/2))}
	forever := func(m proto.Message) func(grpc.ServerStream) error {
		return func(s grpc.ServerStream) error {
			for {
				if err := s.SendMsg(m); err != nil {
					return err
				}
			}
		}
	}
	tests := map[string]struct {
		flood   func(grpc.ServerStream) error
		timeout time.Duration
		code    sdk.Code
	}{
		"a message after the other": {forever(piece), time.Minute, sdk.CodePluginMalformed},
		"empty messages":            {forever(&pb.RefundResponse{}), time.Minute, sdk.CodePluginMalformed},
		"headers, and then nothing": {
			func(s grpc.ServerStream) error {
				if err := s.SendHeader(metadata.Pairs("a", "b")); err != nil {
					return err
				}
				<-s.Context().Done()
				return s.Context().Err()
			}, 100 * time.Millisecond, sdk.CodePluginDeadline,
		},
		"a megabyte of trailers": {
			func(s grpc.ServerStream) error {
				s.SetTrailer(metadata.Pairs("a", strings.Repeat("x", 1<<20)))
				return nil
			}, time.Minute, sdk.CodePluginMalformed,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := flooding(t, tt.flood)
			ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
			defer cancel()
			var res sdk.RefundResult
			var err error
			if grown := grows(func() { res, err = c.Refund(ctx, sdk.RefundRequest{}) }); grown > much {
				t.Errorf("the host grew by %d MiB", grown>>20)
			}
			expect(t, res, err, tt.code, sdk.OutcomeUnknown)
		})
	}
}
