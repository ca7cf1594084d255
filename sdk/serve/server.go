package serve

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/wire"
)

const (
	// defaultGrace is how long calls may finish after SIGTERM. Launch waits a second by
	// default before it kills.
	defaultGrace = 800 * time.Millisecond
	// minPing is how often a host may ask whether the connection lives. By default gRPC
	// cuts the connection of whoever asks more than once in five minutes.
	minPing = time.Second

	shutdownMethod = "/plugin.GRPCController/Shutdown"
)

// A server is a connector being served.
type server struct {
	plugin.NetRPCUnsupportedPlugin
	connector sdk.Connector
	grpc      atomic.Pointer[grpc.Server]
	asked     atomic.Bool // the process was asked to end
	grace     time.Duration

	endOnce sync.Once
	ending  chan struct{} // closed when calls are to finish
}

func newServer(c sdk.Connector) *server {
	return &server{connector: c, grace: defaultGrace, ending: make(chan struct{})}
}

// GRPCServer implements plugin.GRPCPlugin.
func (s *server) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	return wire.Register(g, s.connector)
}

// GRPCClient implements plugin.GRPCPlugin; a connector calls nobody.
func (s *server) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.ErrUnsupported
}

func (s *server) newGRPC(options []grpc.ServerOption) *grpc.Server {
	g := grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(wire.MaxRequest),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(s.noticeShutdown),
		grpc.ChainStreamInterceptor(s.endStream),
	)...)
	s.grpc.Store(g)
	return g
}

// noticeShutdown tells an end that the host asked for from one that it did not.
func (s *server) noticeShutdown(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	if info.FullMethod == shutdownMethod {
		s.asked.Store(true)
	}
	failpoint(received, info.FullMethod, req)
	defer failpoint(answering, info.FullMethod, req)
	return handle(ctx, req)
}

// endStream ends a stream when calls are to finish. The contract has no streams, but
// go-plugin has one that otherwise never ends, and graceful stopping waits for it.
func (s *server) endStream(
	srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler,
) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-s.ending:
			cancel()
		case <-ended:
		}
	}()
	return handle(srv, endableStream{stream, ctx})
}

// An endableStream has a context of its own.
type endableStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s endableStream) Context() context.Context { return s.ctx }

// stop refuses new calls, lets those under way finish as long as grace lasts, and ends
// serving.
func (s *server) stop() {
	s.asked.Store(true)
	g := s.grpc.Load()
	if g == nil {
		return
	}
	s.endOnce.Do(func() { close(s.ending) })
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		g.GracefulStop()
	}()
	timer := time.NewTimer(s.grace)
	defer timer.Stop()
	select {
	case <-finished:
	case <-timer.C:
		g.Stop()
		<-finished
	}
}
