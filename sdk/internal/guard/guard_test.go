package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestEveryOperationIsTried(t *testing.T) {
	calls := everyCall()
	for _, op := range sdk.AllOperations() {
		if calls[op] == nil {
			t.Errorf("no test calls %s", op)
		}
	}
}

func TestAValidRequestReachesTheAuthorsCodeOnce(t *testing.T) {
	for op, do := range everyCall() {
		t.Run(string(op), func(t *testing.T) {
			s := complete()
			s.do = func(ctx context.Context, _ sdk.Operation, _ any) error {
				if got := sdk.CallFrom(ctx).OperationID; got != "op-1" {
					t.Errorf("the context names the operation %q", got)
				}
				return nil
			}
			if _, err := do(t.Context(), guarded(t, s)); err != nil {
				t.Fatal(err)
			}
			if want := []sdk.Operation{op}; !slices.Equal(s.calls, want) {
				t.Errorf("calls = %v, want %v", s.calls, want)
			}
		})
	}
}

// modest can do one thing only.
type modest struct{ *stub }

func (modest) Authorize()       {}
func (modest) FindPayment()     {}
func (modest) Capture()         {}
func (modest) Void()            {}
func (modest) Cancel()          {}
func (modest) Refund()          {}
func (modest) FindRefund()      {}
func (modest) ReadWebhook()     {}
func (modest) RegisterWebhook() {}
func (modest) Tokenize()        {}
func (modest) DeleteToken()     {}
func (modest) ZeroAuthorize()   {}
func (modest) Increment()       {}

func onlyCredentials() modest {
	s := complete()
	m := s.manifest
	s.manifest = sdk.Manifest{
		Name: m.Name, Version: m.Version, Contract: m.Contract, DisplayName: m.DisplayName, ConfigSchema: m.ConfigSchema,
	}
	return modest{s}
}

func TestWhatAConnectorLacksIsRefused(t *testing.T) {
	for op, do := range everyCall() {
		if op == sdk.OpCheckCredentials {
			continue
		}
		t.Run(string(op), func(t *testing.T) {
			c := onlyCredentials()
			res, err := do(t.Context(), guarded(t, c))
			want := sdk.Unsupported("stub", op)
			if err == nil || err.Error() != want.Error() || sdk.AsError(err).Code != want.Code {
				t.Errorf("error = %v, want %v", err, want)
			}
			if strings.Contains(fmt.Sprintf("%+v", res), string(sdk.OutcomeUnknown)) {
				t.Errorf("the refusal leaves doubt: %+v", res)
			}
			if len(c.calls) != 0 {
				t.Errorf("the author's code was called: %v", c.calls)
			}
		})
	}
}

func TestWhatIsTooLateIsNotStarted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, do := range everyCall() {
		t.Run(string(op), func(t *testing.T) {
			s := complete()
			_, err := do(ctx, guarded(t, s))
			if e := sdk.AsError(err); e == nil || e.Code != sdk.CodeExpiredInQueue || !errors.Is(e, context.Canceled) {
				t.Errorf("error = %v, want %s because the context was canceled", err, sdk.CodeExpiredInQueue)
			}
			if len(s.calls) != 0 {
				t.Errorf("the author's code was called: %v", s.calls)
			}
		})
	}
}

func TestOutcomesAreReadInOneWay(t *testing.T) {
	declined := &sdk.Error{Code: sdk.CodeDoNotHonor}
	var none *sdk.Error
	tests := map[string]struct {
		says sdk.Outcome
		err  error
		want sdk.Outcome
		code sdk.Code // "" for no error
	}{
		"success":                       {sdk.OutcomeSucceeded, nil, sdk.OutcomeSucceeded, ""},
		"pending":                       {sdk.OutcomePending, nil, sdk.OutcomePending, ""},
		"the buyer must act":            {sdk.OutcomeRequiresAction, nil, sdk.OutcomeRequiresAction, ""},
		"a forgotten outcome":           {"", nil, sdk.OutcomeUnknown, sdk.CodePluginMalformed},
		"an outcome that is none":       {"DONE", nil, sdk.OutcomeUnknown, sdk.CodePluginMalformed},
		"unknown without a reason":      {sdk.OutcomeUnknown, nil, sdk.OutcomeUnknown, sdk.CodePluginMalformed},
		"declined without a reason":     {sdk.OutcomeDeclined, nil, sdk.OutcomeUnknown, sdk.CodePluginMalformed},
		"not tried without a reason":    {sdk.OutcomeNotAttempted, nil, sdk.OutcomeUnknown, sdk.CodePluginMalformed},
		"declined":                      {"", declined, sdk.OutcomeDeclined, sdk.CodeDoNotHonor},
		"declined, wrapped":             {"", fmt.Errorf("refund: %w", declined), sdk.OutcomeDeclined, sdk.CodeDoNotHonor},
		"a success that was declined":   {sdk.OutcomeSucceeded, declined, sdk.OutcomeDeclined, sdk.CodeDoNotHonor},
		"an error of unknown type":      {sdk.OutcomeSucceeded, errors.New("eof"), sdk.OutcomeUnknown, sdk.CodeUnmappedError},
		"a nil error that is not nil":   {sdk.OutcomeSucceeded, none, sdk.OutcomeUnknown, sdk.CodeUnmappedError},
		"a key that is in use":          {"", &sdk.Error{Code: sdk.CodeKeyInProgress}, sdk.OutcomePending, sdk.CodeKeyInProgress},
		"a code that is none":           {"", &sdk.Error{Code: "oops"}, sdk.OutcomeUnknown, "oops"},
		"no code at all":                {"", &sdk.Error{}, sdk.OutcomeUnknown, ""},
		"a refusal before it was tried": {"", &sdk.Error{Code: sdk.CodeInvalidState}, sdk.OutcomeNotAttempted, sdk.CodeInvalidState},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := complete()
			s.answer.Outcome = tt.says
			s.do = func(context.Context, sdk.Operation, any) error { return tt.err }
			res, err := guarded(t, s).Refund(t.Context(), sdk.RefundRequest{
				Call: call(), Order: "o1", Amount: sdk.JPY(1), Reason: sdk.RefundRequested,
			})
			if res.Outcome != tt.want || sdk.OutcomeOf(res.Answer, err) != tt.want {
				t.Errorf("outcome = %q, OutcomeOf = %q, want %q", res.Outcome, sdk.OutcomeOf(res.Answer, err), tt.want)
			}
			e := sdk.AsError(err)
			if failed := tt.code != "" || name == "no code at all"; (e != nil) != failed || failed && e.Code != tt.code {
				t.Errorf("error = %v, want code %q", err, tt.code)
			}
			if res.Refund != "r1" {
				t.Errorf("refund = %q: what came with the answer is lost", res.Refund)
			}
		})
	}
}

func TestAnErrorSaysWhereItArose(t *testing.T) {
	s := complete()
	kept := &sdk.Error{Code: sdk.CodeDoNotHonor}
	s.do = func(context.Context, sdk.Operation, any) error { return kept }
	g := guarded(t, s)
	_, err := everyCall()[sdk.OpVoid](t.Context(), g)
	if got := sdk.AsError(err).Op; got != "stub.void" {
		t.Errorf("op = %q, want stub.void", got)
	}
	if kept.Op != "" {
		t.Error("the author's own error was changed")
	}
	kept.Op = "stub.api"
	_, err = everyCall()[sdk.OpVoid](t.Context(), g)
	if got := sdk.AsError(err).Op; got != "stub.api" {
		t.Errorf("op = %q, want the author's", got)
	}
}

func TestAPanicLeavesDoubtAndAnotherCallWorks(t *testing.T) {
	var nothing map[string]int
	panics := map[string]func(){
		"a value":           func() { panic("the provider said " + key) },
		"an error":          func() { panic(fmt.Errorf("bad key %s", key)) },
		"a nil map":         func() { nothing["x"] = 1 },
		"nil":               func() { panic(nil) },
		"one that panics":   func() { panic(explosive{}) },
		"an index too high": func() { _ = []int{}[len(nothing)] },
	}
	for name, do := range panics {
		for op, ask := range everyCall() {
			t.Run(name+" in "+string(op), func(t *testing.T) {
				logged := captureLog(t)
				s := complete()
				s.do = func(context.Context, sdk.Operation, any) error { do(); return nil }
				g := guarded(t, s)
				_, err := ask(t.Context(), g)
				if e := sdk.AsError(err); e == nil || e.Code != sdk.CodePluginPanic || e.Outcome() != sdk.OutcomeUnknown {
					t.Fatalf("error = %v, want %s in doubt", err, sdk.CodePluginPanic)
				}
				if said := err.Error() + logged.String(); strings.Contains(said, key) {
					t.Errorf("the secret is in %s", said)
				}
				if said := logged.String(); !strings.Contains(said, "guard_test.go") || !strings.Contains(said, "stub."+string(op)) {
					t.Errorf("the log does not say where: %s", said)
				}
				s.do = nil
				if _, err := ask(t.Context(), g); err != nil {
					t.Errorf("the next call: %v", err)
				}
			})
		}
	}
}

type explosive struct{}

func (explosive) Error() string { panic("again") }

// captureLog collects what is logged until the test ends.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

func TestDescribeTellsTheSameEveryTime(t *testing.T) {
	s := complete()
	g := guarded(t, s)
	first, err := g.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Description{Manifest: s.manifest, Operations: sdk.AllOperations()}
	if diff := cmp.Diff(want, first, ignoreSpace); diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
	first.Manifest.Name = "changed"
	first.Manifest.Countries[0] = "US"
	first.Manifest.Idempotency[sdk.OpRefund] = sdk.Idempotency{}
	s.manifest.Version = "9.9.9"
	second, err := g.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.manifest.Version = "1.0.0"
	if diff := cmp.Diff(want, second, ignoreSpace); diff != "" {
		t.Errorf("the second description (-want +got):\n%s", diff)
	}
}

func TestHealth(t *testing.T) {
	t.Run("of a connector that reports none", func(t *testing.T) {
		h, err := guarded(t, complete()).Health(t.Context())
		if err != nil || !h.Serving {
			t.Errorf("Health = %+v, %v, want serving", h, err)
		}
	})
	tests := map[string]struct {
		report  func() (sdk.Health, error)
		serving bool
		code    sdk.Code
	}{
		"serving":     {func() (sdk.Health, error) { return sdk.Health{Serving: true}, nil }, true, ""},
		"not serving": {func() (sdk.Health, error) { return sdk.Health{Reason: "no disk"}, nil }, false, ""},
		"unsure": {
			func() (sdk.Health, error) { return sdk.Health{Serving: true}, errors.New("?") },
			false, sdk.CodeUnmappedError,
		},
		"panicking": {func() (sdk.Health, error) { panic("x") }, false, sdk.CodePluginPanic},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			captureLog(t)
			h, err := guarded(t, reporter{complete(), tt.report}).Health(t.Context())
			if h.Serving != tt.serving {
				t.Errorf("serving = %v, want %v", h.Serving, tt.serving)
			}
			if e := sdk.AsError(err); (e != nil) != (tt.code != "") || e != nil && e.Code != tt.code {
				t.Errorf("error = %v, want code %q", err, tt.code)
			}
		})
	}
}

type reporter struct {
	*stub
	report func() (sdk.Health, error)
}

func (r reporter) Health(context.Context) (sdk.Health, error) { return r.report() }
