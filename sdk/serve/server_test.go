package serve

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/wire"
)

// steady is the smallest connector.
type steady struct{}

func (steady) Describe() sdk.Manifest {
	return sdk.Manifest{Name: "steady", Version: "1.2.3", DisplayName: "Steady", Contract: sdk.ContractRange{Min: 1, Max: 1}}
}

func (steady) CheckCredentials(context.Context, sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return sdk.CredentialCheck{Valid: true}, nil
}

// slow answers when it is let go.
type slow struct {
	steady
	entered chan struct{}
	letGo   chan struct{}
}

func (s *slow) CheckCredentials(ctx context.Context, _ sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	close(s.entered)
	select {
	case <-s.letGo:
		return sdk.CredentialCheck{Valid: true}, nil
	case <-ctx.Done():
		return sdk.CredentialCheck{}, ctx.Err()
	}
}

// served runs s in memory and returns a connection to it and when it has ended.
func served(t *testing.T, s *server, options ...grpc.ServerOption) (*grpc.ClientConn, <-chan struct{}) {
	t.Helper()
	g := s.newGRPC(options)
	if err := s.GRPCServer(nil, g); err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("Serve: %v", err)
		}
	}()
	conn, err := grpc.NewClient("passthrough:///serve", append(wire.DialOptions(1<<20),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		g.Stop()
		<-ended
	})
	return conn, ended
}

func check(conn *grpc.ClientConn) error {
	_, err := wire.NewClient(conn).CheckCredentials(context.Background(), sdk.CheckCredentialsRequest{
		Call: sdk.Call{Account: sdk.Account{Mode: sdk.ModeTest}},
	})
	return err
}

func TestStopLetsACallFinish(t *testing.T) {
	defer goleak.VerifyNone(t)
	connector := &slow{entered: make(chan struct{}), letGo: make(chan struct{})}
	s := newServer(connector)
	s.grace = time.Hour
	conn, ended := served(t, s)
	defer conn.Close()
	answered := make(chan error, 1)
	go func() { answered <- check(conn) }()
	<-connector.entered

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	<-s.ending
	close(connector.letGo)
	if err := <-answered; err != nil {
		t.Errorf("the call that was under way gives %v, want its answer", err)
	}
	<-stopped
	<-ended
}

// A stream like go-plugin's, which ends only with its context, must not use up the
// grace: if it does, this test never ends.
func TestStopDoesNotWaitForStreams(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newServer(steady{})
	s.grace = time.Hour
	opened := make(chan struct{})
	conn, ended := served(t, s, grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		close(opened)
		<-stream.Context().Done()
		return nil
	}))
	if _, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/plugin.GRPCStdio/StreamStdio"); err != nil {
		t.Fatal(err)
	}
	<-opened
	s.stop()
	<-ended
	conn.Close()
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	defer goleak.VerifyNone(t)
	connector := &slow{entered: make(chan struct{})}
	s := newServer(connector)
	conn, ended := served(t, s)
	defer conn.Close()
	answered := make(chan error, 1)
	go func() { answered <- check(conn) }()
	<-connector.entered
	s.stop()
	<-ended
	if got := sdk.AsError(<-answered); got == nil || got.Code != sdk.CodePluginCrash {
		t.Errorf("the call that was cut gives %v, want %s", got, sdk.CodePluginCrash)
	}
}

func TestRequestAboveTheLimitIsRefused(t *testing.T) {
	conn, _ := served(t, newServer(steady{}))
	tooLarge := wrapperspb.Bytes(make([]byte, wire.MaxRequest+1))
	err := conn.Invoke(t.Context(), "/connector.v1.Connector/CheckCredentials", tooLarge, wrapperspb.Bytes(nil),
		grpc.MaxCallSendMsgSize(2*wire.MaxRequest))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("error %v, want %v", err, codes.ResourceExhausted)
	}
}
