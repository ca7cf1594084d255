package wire

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const maxReply = 64 << 10

// A plugin is the other end, played by the test: it may do what no SDK would.
type plugin struct {
	pb.UnimplementedConnectorServer
	refund func(context.Context, *pb.RefundRequest) (*pb.RefundResponse, error)
	find   func(context.Context) (*pb.FindPaymentResponse, error)
	read   func(context.Context) (*pb.ReadWebhookResponse, error)
}

func (p plugin) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	return &pb.DescribeResponse{Manifest: &pb.Manifest{Name: "test"}}, nil
}

func (p plugin) Refund(ctx context.Context, in *pb.RefundRequest) (*pb.RefundResponse, error) {
	return p.refund(ctx, in)
}

func (p plugin) FindPayment(ctx context.Context, _ *pb.FindPaymentRequest) (*pb.FindPaymentResponse, error) {
	return p.find(ctx)
}

func (p plugin) ReadWebhook(ctx context.Context, _ *pb.ReadWebhookRequest) (*pb.ReadWebhookResponse, error) {
	return p.read(ctx)
}

// A line is a connection to a plugin, and what a test can do to it.
type line struct {
	*Client
	conn   *grpc.ClientConn
	server *grpc.Server
}

// connect serves p and dials it; Describe has been called, as a host does first.
func connect(t *testing.T, p plugin, opts ...grpc.ServerOption) line {
	t.Helper()
	l := dial(t, p, DialOptions(maxReply), opts...)
	if _, err := l.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func dial(t *testing.T, p plugin, dialOptions []grpc.DialOption, opts ...grpc.ServerOption) line {
	t.Helper()
	listener := bufconn.Listen(1 << 10)
	server := grpc.NewServer(append(opts, grpc.WaitForHandlers(true))...)
	pb.RegisterConnectorServer(server, p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn := over(t, listener.DialContext, dialOptions)
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return line{NewClient(conn), conn, server}
}

// over returns a connection made with dial, closed when the test ends.
func over(t *testing.T, dial func(context.Context) (net.Conn, error), opts []grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///test", append(opts,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil && status.Code(err) != codes.Canceled {
			t.Error(err)
		}
	})
	return conn
}

func answering(out *pb.RefundResponse, err error) plugin {
	return plugin{refund: func(context.Context, *pb.RefundRequest) (*pb.RefundResponse, error) { return out, err }}
}

// never is a plugin that must not be reached.
func never(t *testing.T) plugin {
	return plugin{refund: func(context.Context, *pb.RefundRequest) (*pb.RefundResponse, error) {
		t.Error("the request reached the plugin")
		return &pb.RefundResponse{}, nil
	}}
}

// expect checks what a failed refund says: everywhere the same.
func expect(t *testing.T, res sdk.RefundResult, err error, code sdk.Code, outcome sdk.Outcome) {
	t.Helper()
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		t.Fatalf("the error is %v, want an *sdk.Error", err)
	}
	if e.Code != code || e.Outcome() != outcome || res.Outcome != outcome {
		t.Errorf("%v means %v, the answer says %v; want %s and %v", e, e.Outcome(), res.Outcome, code, outcome)
	}
	if e.Op != "test.refund" && e.Op != "connector.refund" {
		t.Errorf("op = %q, want it to name the call", e.Op)
	}
}

// A cutLine is a connection that must not be used.
type cutLine struct{ t *testing.T }

func (c cutLine) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	c.t.Error("the connection was used")
	return nil
}

func (c cutLine) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	c.t.Error("the connection was used")
	return nil, errors.New("cut")
}

func TestNothingIsSentOnceTheContextIsDone(t *testing.T) {
	c := NewClient(cutLine{t})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the merchant hung up")
	cancel(why)
	res, err := c.Refund(ctx, sdk.RefundRequest{})
	expect(t, res, err, sdk.CodeExpiredInQueue, sdk.OutcomeNotAttempted)
	if !errors.Is(err, why) {
		t.Errorf("%v does not say why", err)
	}
}

func TestNothingIsSentWhenNobodyListens(t *testing.T) {
	refused := func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }
	c := NewClient(over(t, refused, DialOptions(maxReply)))
	res, err := c.Refund(t.Context(), sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginUnavailable, sdk.OutcomeNotAttempted)
}

func TestNothingIsSentOnAClosedConnection(t *testing.T) {
	l := connect(t, never(t))
	if err := l.conn.Close(); err != nil {
		t.Fatal(err)
	}
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginUnavailable, sdk.OutcomeNotAttempted)
}

func TestNothingIsSentToAPluginThatDiedBefore(t *testing.T) {
	l := connect(t, never(t))
	l.server.Stop()
	if !l.conn.WaitForStateChange(t.Context(), connectivity.Ready) {
		t.Fatal("the connection did not notice")
	}
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginUnavailable, sdk.OutcomeNotAttempted)
}

func TestNothingIsSentWhenTheDeadlinePassesWhileConnecting(t *testing.T) {
	stuck := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := NewClient(over(t, stuck, DialOptions(maxReply)))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	res, err := c.Refund(ctx, sdk.RefundRequest{})
	expect(t, res, err, sdk.CodeExpiredInQueue, sdk.OutcomeNotAttempted)
}

func TestARequestThatCannotTravelIsNotSent(t *testing.T) {
	l := connect(t, never(t))
	res, err := l.Refund(t.Context(), sdk.RefundRequest{Order: "order\xff", Description: "\xff"})
	expect(t, res, err, sdk.CodeInvalidField, sdk.OutcomeNotAttempted)
	want := []sdk.FieldError{
		{Pointer: "/description", Message: "must be valid UTF-8"},
		{Pointer: "/order", Message: "must be valid UTF-8"},
	}
	if diff := cmp.Diff(want, sdk.AsError(err).Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestARequestThatIsTooLargeIsNotSent(t *testing.T) {
	l := connect(t, never(t), grpc.MaxRecvMsgSize(MaxRequest))
	res, err := l.Refund(t.Context(), sdk.RefundRequest{Description: strings.Repeat("x", MaxRequest)})
	expect(t, res, err, sdk.CodeInvalidField, sdk.OutcomeNotAttempted)
}

// TestWithoutEvidenceEverythingIsInDoubt: a connection that nobody watches must not
// make a request look as if it had not been sent.
func TestWithoutEvidenceEverythingIsInDoubt(t *testing.T) {
	l := dial(t, answering(nil, status.Error(codes.Unavailable, "gone")), nil)
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginCrash, sdk.OutcomeUnknown)
}

func TestAPluginThatDiesDuringACallLeavesDoubt(t *testing.T) {
	received, release := make(chan struct{}), make(chan struct{})
	l := connect(t, plugin{refund: func(context.Context, *pb.RefundRequest) (*pb.RefundResponse, error) {
		close(received)
		<-release
		return &pb.RefundResponse{}, nil
	}})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-received
		l.server.Stop()
	}()
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	close(release)
	<-stopped
	expect(t, res, err, sdk.CodePluginCrash, sdk.OutcomeUnknown)
}

// silent is a plugin that receives and never answers, until its context ends.
func silent(received chan<- struct{}) plugin {
	return plugin{refund: func(ctx context.Context, _ *pb.RefundRequest) (*pb.RefundResponse, error) {
		close(received)
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}}
}

func TestADeadlineAfterSendingLeavesDoubt(t *testing.T) {
	l := connect(t, silent(make(chan struct{})))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	res, err := l.Refund(ctx, sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginDeadline, sdk.OutcomeUnknown)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not lead to the deadline", err)
	}
}

func TestACancelledCallReturnsAndLeavesDoubt(t *testing.T) {
	received := make(chan struct{})
	l := connect(t, silent(received))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-received
		cancel()
	}()
	res, err := l.Refund(ctx, sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginDeadline, sdk.OutcomeUnknown)
}

func TestAStatusAfterSendingLeavesDoubt(t *testing.T) {
	tests := map[codes.Code]sdk.Code{
		codes.Unavailable:        sdk.CodePluginCrash,
		codes.Canceled:           sdk.CodePluginCrash,
		codes.DeadlineExceeded:   sdk.CodePluginDeadline,
		codes.Internal:           sdk.CodePluginMalformed,
		codes.ResourceExhausted:  sdk.CodePluginMalformed,
		codes.Unknown:            sdk.CodePluginMalformed,
		codes.Unimplemented:      sdk.CodePluginMalformed,
		codes.InvalidArgument:    sdk.CodePluginMalformed,
		codes.NotFound:           sdk.CodePluginMalformed,
		codes.PermissionDenied:   sdk.CodePluginMalformed,
		codes.FailedPrecondition: sdk.CodePluginMalformed,
		codes.Aborted:            sdk.CodePluginMalformed,
		codes.Unauthenticated:    sdk.CodePluginMalformed,
	}
	for sent, want := range tests {
		t.Run(sent.String(), func(t *testing.T) {
			l := connect(t, answering(nil, status.Error(sent, "not a word of this is read")))
			res, err := l.Refund(t.Context(), sdk.RefundRequest{})
			expect(t, res, err, want, sdk.OutcomeUnknown)
		})
	}
}

func TestAReplyThatIsTooLargeLeavesDoubt(t *testing.T) {
	l := connect(t, answering(&pb.RefundResponse{
		Refund: strings.Repeat("x", maxReply), Answer: &pb.Answer{Outcome: pb.Outcome_OUTCOME_SUCCEEDED},
	}, nil))
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginMalformed, sdk.OutcomeUnknown)
}

// A garbler is a codec that understands requests and sends nonsense.
type garbler struct{}

func (garbler) Marshal(any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer("\xff\xff\xff")}, nil
}
func (garbler) Unmarshal(mem.BufferSlice, any) error { return nil }
func (garbler) Name() string                         { return "proto" }

func TestAReplyThatCannotBeReadLeavesDoubt(t *testing.T) {
	l := dial(t, answering(&pb.RefundResponse{}, nil), DialOptions(maxReply), grpc.ForceServerCodecV2(garbler{}))
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	expect(t, res, err, sdk.CodePluginMalformed, sdk.OutcomeUnknown)
}

func TestALongStatusMessageIsCut(t *testing.T) {
	l := connect(t, answering(nil, status.Error(codes.Internal, strings.Repeat("x", 5000))))
	_, err := l.Refund(t.Context(), sdk.RefundRequest{})
	if got := len(err.Error()); got > 1200 {
		t.Errorf("the error has %d bytes", got)
	}
}

func TestErrorsNameTheConnector(t *testing.T) {
	l := dial(t, answering(nil, status.Error(codes.Internal, "no")), DialOptions(maxReply))
	_, err := l.Refund(t.Context(), sdk.RefundRequest{})
	if got := sdk.AsError(err).Op; got != "connector.refund" {
		t.Errorf("op before Describe = %q", got)
	}
	if _, err := l.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = l.Refund(t.Context(), sdk.RefundRequest{})
	if got := sdk.AsError(err).Op; got != "test.refund" {
		t.Errorf("op after Describe = %q", got)
	}
}

func TestAnErrorThatSaysNotWhereIsGivenAPlace(t *testing.T) {
	l := connect(t, answering(&pb.RefundResponse{Answer: &pb.Answer{Error: &pb.Error{Code: "do_not_honor"}}}, nil))
	_, err := l.Refund(t.Context(), sdk.RefundRequest{})
	if got, want := err.Error(), "test.refund: do_not_honor"; got != want {
		t.Errorf("error = %s, want %s", got, want)
	}
}
