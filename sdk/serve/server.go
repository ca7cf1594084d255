package serve

import (
	"context"
	"errors"
	"strings"
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
	// grace is how long calls may finish after SIGTERM. Launch waits a second by default
	// before it kills.
	grace = 800 * time.Millisecond
	// minPing is how often a host may ask whether the connection lives. By default gRPC
	// cuts the connection of whoever asks more than once in five minutes.
	minPing = time.Second

	shutdownMethod  = "/plugin.GRPCController/Shutdown"
	connectorPrefix = "/connector.v1.Connector/"
)

// A server is a connector being served.
type server struct {
	plugin.NetRPCUnsupportedPlugin
	connector sdk.Connector

	grpc     atomic.Pointer[grpc.Server]
	asked    atomic.Bool // the process was asked to end
	inFlight inFlight
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
		grpc.ChainUnaryInterceptor(s.observe),
	)...)
	s.grpc.Store(g)
	return g
}

// observe counts the connector's calls and notices that the host ends them.
func (s *server) observe(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	switch {
	case info.FullMethod == shutdownMethod:
		s.asked.Store(true)
	case strings.HasPrefix(info.FullMethod, connectorPrefix):
		s.inFlight.enter()
		defer s.inFlight.leave()
	}
	return handle(ctx, req)
}

// stop refuses new calls, lets those under way finish for as long as grace, and ends
// serving. gRPC's own graceful stop would also wait for go-plugin's endless streams.
func (s *server) stop() {
	s.asked.Store(true)
	g := s.grpc.Load()
	if g == nil {
		return
	}
	go g.GracefulStop() // ended by Stop
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-s.inFlight.none():
	case <-timer.C:
	}
	g.Stop()
}

// inFlight counts calls. Unlike a WaitGroup it may be entered while somebody waits.
type inFlight struct {
	mu    sync.Mutex
	count int
	idle  chan struct{} // closed and dropped when count is 0; nil if nobody waits
}

func (f *inFlight) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
}

func (f *inFlight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count--
	if f.count == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// none returns a channel that is closed once no call is under way.
func (f *inFlight) none() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	idle := make(chan struct{})
	if f.count == 0 {
		close(idle)
	} else {
		f.idle = idle
	}
	return idle
}
