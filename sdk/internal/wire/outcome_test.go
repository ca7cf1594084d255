package wire

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// TestTablesHoldEveryValue breaks when a value is added to one side of a closed set.
func TestTablesHoldEveryValue(t *testing.T) {
	t.Run("outcomes", func(t *testing.T) { holdsEveryValue(t, outcomes, "Outcome", pb.Outcome(0).Descriptor()) })
	t.Run("states", func(t *testing.T) { holdsEveryValue(t, states, "State", pb.State(0).Descriptor()) })
	t.Run("moves", func(t *testing.T) { holdsEveryValue(t, moves, "MoveStatus", pb.MoveStatus(0).Descriptor()) })
}

func holdsEveryValue[S ~string, N ~int32](t *testing.T, all table[S, N], typ string, enum protoreflect.EnumDescriptor) {
	t.Helper()
	for _, name := range constants(t, typ) {
		if n := all.number(S(name), -1); n <= 0 {
			t.Errorf("%s of package sdk has no number", name)
		}
	}
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		if _, ok := all.name(N(value.Number())); !ok {
			t.Errorf("%s has no name in package sdk", value.Name())
		}
	}
	if got, want := len(all), enum.Values().Len()-1; got != want {
		t.Errorf("the table has %d rows, want %d: one for each value but the unspecified", got, want)
	}
}

// constants returns the values of the constants of a type, from package sdk's source.
func constants(t *testing.T, typ string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../outcome.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typ {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("found no constant of type %s", typ)
	}
	return slices.Compact(values)
}

func TestWhatNobodyKnowsIsInDoubt(t *testing.T) {
	if got := fromOutcome(99); got != "OUTCOME_99" {
		t.Errorf("an outcome of tomorrow is %q, want its number", got)
	}
	if got := sdk.OutcomeOf(sdk.Answer{Outcome: fromOutcome(99)}, nil); got != sdk.OutcomeUnknown {
		t.Errorf("an outcome of tomorrow means %q", got)
	}
	if got := toOutcome("MAYBE"); got != pb.Outcome_OUTCOME_UNKNOWN {
		t.Errorf("an outcome that is none is sent as %v", got)
	}
	if got := fromState(99); got != sdk.StateUnknown {
		t.Errorf("a state of tomorrow is %q", got)
	}
	if got := toState("MAYBE"); got != pb.State_STATE_UNKNOWN {
		t.Errorf("a state that is none is sent as %v", got)
	}
	if got := fromMove(99); got != sdk.MoveUnknown {
		t.Errorf("a status of tomorrow is %q", got)
	}
	if got := fromMove(pb.MoveStatus_MOVE_STATUS_UNSPECIFIED); got != sdk.MoveUnknown {
		t.Errorf("a status that was not given is %q", got)
	}
	if got := toMove("MAYBE"); got != pb.MoveStatus_MOVE_STATUS_UNKNOWN {
		t.Errorf("a status that is none is sent as %v", got)
	}
}

func TestAStateThatIsNotSaidStaysUnsaid(t *testing.T) {
	if got := fromState(toState("")); got != "" {
		t.Errorf("a state that was not said arrived as %q", got)
	}
}
