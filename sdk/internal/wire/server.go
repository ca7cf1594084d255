package wire

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
	"github.com/connectorhost/connectorhost/sdk/internal/guard"
)

// Register serves c on reg behind a guard. It fails, naming everything that is wrong,
// if c's manifest is not one that a host can use.
func Register(reg grpc.ServiceRegistrar, c sdk.Connector) error {
	g, err := guard.New(c)
	if err != nil {
		return err
	}
	d, err := g.Describe(context.Background())
	if err != nil {
		return err
	}
	pb.RegisterConnectorServer(reg, &server{remote: g, name: d.Manifest.Name})
	return nil
}

// A server answers every call with a response: a gRPC status of its own would leave
// the host in doubt. It embeds the unimplemented server so that a method added to
// the contract compiles before it is served.
type server struct {
	pb.UnimplementedConnectorServer
	remote sdk.Remote
	name   string
}

// respond makes one call of the connector.
func respond[Req, Res any, In, Out proto.Message](
	ctx context.Context, s *server, m method[Req, Res, In, Out], in In,
	do func(context.Context, Req) (Res, error),
) (Out, error) {
	op := sdk.Op(s.name + "." + string(m.op))
	if bad := faults(in); bad != nil {
		e := &sdk.Error{Op: op, Code: sdk.CodeInvalidField, Fields: bad}
		return m.toResponse(m.failed(e), e), nil
	}
	res, err := do(ctx, m.fromRequest(in))
	out := m.toResponse(res, sdk.AsError(err))
	if bad := faults(out); bad != nil {
		e := &sdk.Error{Op: op, Code: sdk.CodePluginMalformed, Fields: bad}
		return m.toResponse(m.failed(e), e), nil
	}
	return out, nil
}

func (s *server) Describe(ctx context.Context, in *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	return respond(ctx, s, describeMethod, in,
		func(ctx context.Context, _ struct{}) (sdk.Description, error) { return s.remote.Describe(ctx) })
}

func (s *server) Health(ctx context.Context, in *pb.HealthRequest) (*pb.HealthResponse, error) {
	return respond(ctx, s, healthMethod, in,
		func(ctx context.Context, _ struct{}) (sdk.Health, error) { return s.remote.Health(ctx) })
}

func (s *server) CheckCredentials(
	ctx context.Context, in *pb.CheckCredentialsRequest,
) (*pb.CheckCredentialsResponse, error) {
	return respond(ctx, s, checkCredentialsMethod, in, s.remote.CheckCredentials)
}

func (s *server) Authorize(ctx context.Context, in *pb.AuthorizeRequest) (*pb.AuthorizeResponse, error) {
	return respond(ctx, s, authorizeMethod, in, s.remote.Authorize)
}

func (s *server) FindPayment(ctx context.Context, in *pb.FindPaymentRequest) (*pb.FindPaymentResponse, error) {
	return respond(ctx, s, findPaymentMethod, in, s.remote.FindPayment)
}

func (s *server) Capture(ctx context.Context, in *pb.CaptureRequest) (*pb.CaptureResponse, error) {
	return respond(ctx, s, captureMethod, in, s.remote.Capture)
}

func (s *server) Void(ctx context.Context, in *pb.VoidRequest) (*pb.VoidResponse, error) {
	return respond(ctx, s, voidMethod, in, s.remote.Void)
}

func (s *server) Cancel(ctx context.Context, in *pb.CancelRequest) (*pb.CancelResponse, error) {
	return respond(ctx, s, cancelMethod, in, s.remote.Cancel)
}

func (s *server) Refund(ctx context.Context, in *pb.RefundRequest) (*pb.RefundResponse, error) {
	return respond(ctx, s, refundMethod, in, s.remote.Refund)
}

func (s *server) FindRefund(ctx context.Context, in *pb.FindRefundRequest) (*pb.FindRefundResponse, error) {
	return respond(ctx, s, findRefundMethod, in, s.remote.FindRefund)
}

func (s *server) ReadWebhook(ctx context.Context, in *pb.ReadWebhookRequest) (*pb.ReadWebhookResponse, error) {
	return respond(ctx, s, readWebhookMethod, in, s.remote.ReadWebhook)
}

func (s *server) RegisterWebhook(
	ctx context.Context, in *pb.RegisterWebhookRequest,
) (*pb.RegisterWebhookResponse, error) {
	return respond(ctx, s, registerWebhookMethod, in, s.remote.RegisterWebhook)
}

func (s *server) Tokenize(ctx context.Context, in *pb.TokenizeRequest) (*pb.TokenizeResponse, error) {
	return respond(ctx, s, tokenizeMethod, in, s.remote.Tokenize)
}

func (s *server) DeleteToken(ctx context.Context, in *pb.DeleteTokenRequest) (*pb.DeleteTokenResponse, error) {
	return respond(ctx, s, deleteTokenMethod, in, s.remote.DeleteToken)
}

func (s *server) ZeroAuthorize(
	ctx context.Context, in *pb.ZeroAuthorizeRequest,
) (*pb.ZeroAuthorizeResponse, error) {
	return respond(ctx, s, zeroAuthorizeMethod, in, s.remote.ZeroAuthorize)
}

func (s *server) Increment(ctx context.Context, in *pb.IncrementRequest) (*pb.IncrementResponse, error) {
	return respond(ctx, s, incrementMethod, in, s.remote.Increment)
}
