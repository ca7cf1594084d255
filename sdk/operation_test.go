package sdk_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

// anyone is a connector that has whatever is embedded beside it.
type anyone struct{}

func (anyone) Describe() sdk.Manifest { return sdk.Manifest{} }

// each holds, for every operation, a connector that has it and nothing else.
func each() map[sdk.Operation]sdk.Connector {
	return map[sdk.Operation]sdk.Connector{
		sdk.OpCheckCredentials: struct {
			anyone
			sdk.CredentialChecker
		}{},
		sdk.OpAuthorize: struct {
			anyone
			sdk.Authorizer
		}{},
		sdk.OpFindPayment: struct {
			anyone
			sdk.PaymentFinder
		}{},
		sdk.OpCapture: struct {
			anyone
			sdk.Capturer
		}{},
		sdk.OpVoid: struct {
			anyone
			sdk.Voider
		}{},
		sdk.OpCancel: struct {
			anyone
			sdk.Canceler
		}{},
		sdk.OpRefund: struct {
			anyone
			sdk.Refunder
		}{},
		sdk.OpFindRefund: struct {
			anyone
			sdk.RefundFinder
		}{},
		sdk.OpReadWebhook: struct {
			anyone
			sdk.WebhookReader
		}{},
		sdk.OpRegisterWebhook: struct {
			anyone
			sdk.WebhookRegistrar
		}{},
		sdk.OpTokenize: struct {
			anyone
			sdk.Tokenizer
		}{},
		sdk.OpDeleteToken: struct {
			anyone
			sdk.TokenDeleter
		}{},
		sdk.OpZeroAuthorize: struct {
			anyone
			sdk.ZeroAuthorizer
		}{},
		sdk.OpIncrement: struct {
			anyone
			sdk.Incrementer
		}{},
	}
}

func TestAnOperationIsAnInterface(t *testing.T) {
	for op, c := range each() {
		t.Run(string(op), func(t *testing.T) {
			if got, want := sdk.OperationsOf(c), (sdk.Operations{op}); !slices.Equal(got, want) {
				t.Errorf("OperationsOf = %v, want %v", got, want)
			}
		})
	}
}

func TestEveryOperationIsKnown(t *testing.T) {
	all := sdk.AllOperations()
	declared := constants(t, "operation.go", "Operation")
	for name, value := range declared {
		if !slices.Contains(all, sdk.Operation(value)) {
			t.Errorf("AllOperations has no %s", name)
		}
		if each()[sdk.Operation(value)] == nil {
			t.Errorf("no connector of this test has %s", name)
		}
	}
	if len(all) != len(declared) {
		t.Errorf("AllOperations has %d, want %d", len(all), len(declared))
	}
}

func TestTheListOfOperationsIsTheCallers(t *testing.T) {
	sdk.AllOperations()[0] = "gone"
	if got := sdk.AllOperations()[0]; got != sdk.OpCheckCredentials {
		t.Errorf("a caller changed the list: it starts with %s", got)
	}
}

func TestOperationsOf(t *testing.T) {
	tests := map[string]struct {
		c    sdk.Connector
		want sdk.Operations
	}{
		"nothing": {anyone{}, nil},
		"health is no operation": {struct {
			anyone
			sdk.HealthReporter
		}{}, nil},
		"two, in the order of the list": {struct {
			anyone
			sdk.Refunder
			sdk.Authorizer
		}{}, sdk.Operations{sdk.OpAuthorize, sdk.OpRefund}},
		"a remote has every method": {struct {
			anyone
			remote
		}{}, sdk.AllOperations()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := sdk.OperationsOf(tt.c); !slices.Equal(got, tt.want) {
				t.Errorf("OperationsOf = %v, want %v", got, tt.want)
			}
		})
	}
}

// remote is a Remote but for its Describe, which is not a Connector's.
type remote struct {
	sdk.CredentialChecker
	sdk.Authorizer
	sdk.PaymentFinder
	sdk.Capturer
	sdk.Voider
	sdk.Canceler
	sdk.Refunder
	sdk.RefundFinder
	sdk.WebhookReader
	sdk.WebhookRegistrar
	sdk.Tokenizer
	sdk.TokenDeleter
	sdk.ZeroAuthorizer
	sdk.Incrementer
}

func TestHas(t *testing.T) {
	ops := sdk.Operations{sdk.OpAuthorize, sdk.OpRefund}
	if !ops.Has(sdk.OpRefund) || ops.Has(sdk.OpVoid) || (sdk.Operations)(nil).Has(sdk.OpVoid) {
		t.Errorf("Has of %v is wrong", ops)
	}
}

func TestMovesMoney(t *testing.T) {
	moves := []sdk.Operation{
		sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund, sdk.OpIncrement,
	}
	for _, op := range append(sdk.AllOperations(), "operation_of_tomorrow") {
		if got, want := op.MovesMoney(), slices.Contains(moves, op); got != want {
			t.Errorf("%s: MovesMoney = %v, want %v", op, got, want)
		}
	}
}

// TestARemoteHasEveryOperation: an operation that is added must be callable.
func TestARemoteHasEveryOperation(t *testing.T) {
	remote := reflect.TypeFor[sdk.Remote]()
	const besides = 2 // Describe and Health
	if got, want := remote.NumMethod(), len(sdk.AllOperations())+besides; got != want {
		t.Errorf("a Remote has %d methods, want %d", got, want)
	}
}

// TestOneOperationOneInterfaceOneMethod is what lets the contract grow without
// breaking anybody. Each method takes a context and one request.
func TestOneOperationOneInterfaceOneMethod(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "connector.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if abilities, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.Name != "Remote" {
			if got := abilities.Methods.NumFields(); got != 1 {
				t.Errorf("%s has %d methods, want 1", spec.Name, got)
			}
		}
		return true
	})
}

func TestTheCallTravelsInTheContext(t *testing.T) {
	call := sdk.Call{OperationID: "op-1", PaymentID: "p-1"}
	ctx := sdk.WithCall(t.Context(), call)
	if got := sdk.CallFrom(ctx); got.OperationID != "op-1" || got.PaymentID != "p-1" {
		t.Errorf("CallFrom = %+v, want what was put in", got)
	}
	if got := sdk.CallFrom(context.Background()); got.OperationID != "" {
		t.Errorf("CallFrom of an empty context = %+v, want the zero Call", got)
	}
}
