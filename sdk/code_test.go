package sdk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

// constants returns the values of the string constants of a type that a file of this
// package declares, by name.
func constants(t *testing.T, file, typ string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typ {
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is not a literal", spec.Names[0])
			}
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values[spec.Names[0].Name] = value
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s declares no constant of type %s", file, typ)
	}
	return values
}

func TestEveryCodeHasAMeaning(t *testing.T) {
	codes := sdk.Codes()
	declared := constants(t, "code.go", "Code")
	seen := make(map[string]string)
	for name, value := range declared {
		if _, ok := codes[sdk.Code(value)]; !ok || !sdk.Code(value).Valid() {
			t.Errorf("%s has no meaning", name)
		}
		if seen[value] != "" {
			t.Errorf("%s and %s are both %q", name, seen[value], value)
		}
		seen[value] = name
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(value) {
			t.Errorf("%s is %q, want lower case with underscores", name, value)
		}
	}
	for code := range codes {
		if seen[string(code)] == "" {
			t.Errorf("%q has a meaning and no constant", code)
		}
	}
}

// TestNothingIsDeclaredInVain finds a category, an instruction or a message that no
// code has, and a code whose meaning is outside them.
func TestNothingIsDeclaredInVain(t *testing.T) {
	used := map[string]map[string]bool{"Category": {}, "Retry": {}, "MessageKey": {}}
	for _, m := range sdk.Codes() {
		used["Category"][string(m.Category)] = true
		used["Retry"][string(m.Retry)] = true
		used["MessageKey"][string(m.Tell)] = true
	}
	for typ, values := range used {
		declared := constants(t, "code.go", typ)
		for name, value := range declared {
			if !values[value] {
				t.Errorf("no code has %s", name)
			}
			delete(values, value)
		}
		for value := range values {
			t.Errorf("a code has the %s %q, which is not declared", typ, value)
		}
	}
}

// TestTheTaxonomyIsCoherent states the laws that keep money from moving twice. A code
// that breaks one would send a host the wrong way.
func TestTheTaxonomyIsCoherent(t *testing.T) {
	laws := map[string]func(sdk.Meaning) bool{
		"an error never means success, nor that the buyer must act": func(m sdk.Meaning) bool {
			return oneOf(m.Outcome, sdk.OutcomeUnknown, sdk.OutcomePending, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted)
		},
		"in doubt is the same as: look before doing anything": func(m sdk.Meaning) bool {
			return (m.Outcome == sdk.OutcomeUnknown) == (m.Retry == sdk.RetryReconcileFirst)
		},
		"never is said only where it is known that nothing happened": func(m sdk.Meaning) bool {
			return m.Retry != sdk.RetryNever || m.Outcome.Settled()
		},
		"the same key is sent again only if nothing happened, or if it is under way": func(m sdk.Meaning) bool {
			switch m.Retry {
			case sdk.RetrySameKey:
				return m.Outcome == sdk.OutcomeNotAttempted
			case sdk.RetrySameKeyAfter:
				return oneOf(m.Outcome, sdk.OutcomeNotAttempted, sdk.OutcomePending)
			}
			return true
		},
		"another connector is tried only if nothing happened": func(m sdk.Meaning) bool {
			return m.Retry != sdk.RetryOtherConnector || m.Outcome == sdk.OutcomeNotAttempted
		},
		"the buyer is asked again only after a refusal": func(m sdk.Meaning) bool {
			return !oneOf(m.Retry, sdk.RetryOtherInstrument, sdk.RetryStepUp) || m.Outcome == sdk.OutcomeDeclined
		},
		"a new attempt is made only of what is known to have failed": func(m sdk.Meaning) bool {
			return m.Retry != sdk.RetryFixed || oneOf(m.Outcome, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted)
		},
		"a buyer in doubt is told that it is being processed, and only then": func(m sdk.Meaning) bool {
			return (m.Outcome == sdk.OutcomeUnknown) == (m.Tell == sdk.TellProcessing)
		},
		"a buyer at risk is told nothing but no": func(m sdk.Meaning) bool {
			return m.Category != sdk.CategoryRisk || m.Tell == sdk.TellDeclined
		},
		"a validation error can be fixed": func(m sdk.Meaning) bool {
			return m.Category != sdk.CategoryValidation || m.Retry == sdk.RetryFixed && m.Outcome == sdk.OutcomeNotAttempted
		},
		"what a provider left ambiguous or broke is in doubt": func(m sdk.Meaning) bool {
			return !oneOf(m.Category, sdk.CategoryProviderAmbiguous, sdk.CategoryIntegrity) || m.Outcome == sdk.OutcomeUnknown
		},
	}
	for law, holds := range laws {
		t.Run(law, func(t *testing.T) {
			for code, meaning := range sdk.Codes() {
				if !holds(meaning) {
					t.Errorf("%s breaks it: %+v", code, meaning)
				}
			}
		})
	}
}

func oneOf[T comparable](v T, all ...T) bool { return slices.Contains(all, v) }

// TestAPluginCodeIsInDoubtUnlessTheCallNeverLeft: the codes of this SDK's own making.
func TestAPluginCodeIsInDoubtUnlessTheCallNeverLeft(t *testing.T) {
	tests := map[sdk.Code]sdk.Outcome{
		sdk.CodePluginCrash:           sdk.OutcomeUnknown,
		sdk.CodePluginPanic:           sdk.OutcomeUnknown,
		sdk.CodePluginDeadline:        sdk.OutcomeUnknown,
		sdk.CodePluginMalformed:       sdk.OutcomeUnknown,
		sdk.CodePluginUnavailable:     sdk.OutcomeNotAttempted,
		sdk.CodePluginProtocolVersion: sdk.OutcomeNotAttempted,
		sdk.CodeExpiredInQueue:        sdk.OutcomeNotAttempted,
	}
	for code, want := range tests {
		if got := code.Meaning().Outcome; got != want {
			t.Errorf("%s means %s, want %s", code, got, want)
		}
	}
}

func TestACodeOutsideTheSetIsInDoubt(t *testing.T) {
	for _, code := range []sdk.Code{"", "wallet_frozen", "Do_Not_Honor"} {
		if code.Valid() {
			t.Errorf("%q is valid", code)
		}
		if got, want := code.Meaning(), sdk.CodeUnmappedError.Meaning(); got != want {
			t.Errorf("%q means %+v, want %+v", code, got, want)
		}
	}
}

func TestTheTaxonomyCannotBeChanged(t *testing.T) {
	codes := sdk.Codes()
	codes[sdk.CodeReadTimeout] = sdk.Meaning{Outcome: sdk.OutcomeSucceeded}
	delete(codes, sdk.CodePluginCrash)
	if got := sdk.CodeReadTimeout.Meaning().Outcome; got != sdk.OutcomeUnknown {
		t.Errorf("a caller's map changed what a timeout means: %s", got)
	}
	if !sdk.CodePluginCrash.Valid() {
		t.Error("a caller's map took a code away")
	}
}
