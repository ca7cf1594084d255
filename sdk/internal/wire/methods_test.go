package wire

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// An echo answers every call by saying which it was.
type echo struct{}

func was(method string) error { return &sdk.Error{Op: sdk.Op(method), Code: sdk.CodeInvalidState} }

func (echo) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{Manifest: sdk.Manifest{Name: "echo"}}, nil
}

func (echo) Health(context.Context) (r sdk.Health, err error) { return r, was("Health") }

func (echo) CheckCredentials(context.Context, sdk.CheckCredentialsRequest) (r sdk.CredentialCheck, err error) {
	return r, was("CheckCredentials")
}

func (echo) Authorize(context.Context, sdk.AuthorizeRequest) (r sdk.AuthorizeResult, err error) {
	return r, was("Authorize")
}

func (echo) FindPayment(context.Context, sdk.FindPaymentRequest) (r sdk.PaymentFinding, err error) {
	return r, was("FindPayment")
}

func (echo) Capture(context.Context, sdk.CaptureRequest) (r sdk.CaptureResult, err error) {
	return r, was("Capture")
}

func (echo) Void(context.Context, sdk.VoidRequest) (r sdk.VoidResult, err error) {
	return r, was("Void")
}

func (echo) Cancel(context.Context, sdk.CancelRequest) (r sdk.CancelResult, err error) {
	return r, was("Cancel")
}

func (echo) Refund(context.Context, sdk.RefundRequest) (r sdk.RefundResult, err error) {
	return r, was("Refund")
}

func (echo) FindRefund(context.Context, sdk.FindRefundRequest) (r sdk.RefundFinding, err error) {
	return r, was("FindRefund")
}

func (echo) ReadWebhook(context.Context, sdk.WebhookRequest) (r sdk.WebhookReading, err error) {
	return r, was("ReadWebhook")
}

func (echo) RegisterWebhook(
	context.Context, sdk.RegisterWebhookRequest,
) (r sdk.WebhookRegistration, err error) {
	return r, was("RegisterWebhook")
}

func (echo) Tokenize(context.Context, sdk.TokenizeRequest) (r sdk.TokenizeResult, err error) {
	return r, was("Tokenize")
}

func (echo) DeleteToken(context.Context, sdk.DeleteTokenRequest) (r sdk.DeleteTokenResult, err error) {
	return r, was("DeleteToken")
}

func (echo) ZeroAuthorize(context.Context, sdk.ZeroAuthorizeRequest) (r sdk.ZeroAuthorizeResult, err error) {
	return r, was("ZeroAuthorize")
}

func (echo) Increment(context.Context, sdk.IncrementRequest) (r sdk.IncrementResult, err error) {
	return r, was("Increment")
}

// TestEveryMethodLeadsToItsOwn calls each method of a client and asks the other end
// which of its methods that was.
func TestEveryMethodLeadsToItsOwn(t *testing.T) {
	listener := bufconn.Listen(1 << 10)
	s := grpc.NewServer()
	pb.RegisterConnectorServer(s, &server{remote: echo{}, name: "echo"})
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	client := NewClient(over(t, listener.DialContext, DialOptions(maxReply)))
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})

	remote := reflect.TypeFor[sdk.Remote]()
	for i := range remote.NumMethod() {
		method := remote.Method(i)
		t.Run(method.Name, func(t *testing.T) {
			args := []reflect.Value{reflect.ValueOf(t.Context())}
			for in := 1; in < method.Type.NumIn(); in++ {
				args = append(args, reflect.Zero(method.Type.In(in)))
			}
			out := reflect.ValueOf(client).MethodByName(method.Name).Call(args)
			err, _ := out[1].Interface().(error)
			if method.Name == "Describe" {
				if d, ok := out[0].Interface().(sdk.Description); !ok || err != nil || d.Manifest.Name != "echo" {
					t.Errorf("Describe = %+v, %v", d, err)
				}
				return
			}
			if e := sdk.AsError(err); e == nil || e.Op != sdk.Op(method.Name) || e.Code != sdk.CodeInvalidState {
				t.Errorf("%s answered: %v", method.Name, err)
			}
		})
	}
}
