package guard

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Guard is a connector in the same process, made safe to call. It is safe for
// concurrent use if the connector is. Every error that it returns is an [*sdk.Error],
// and the outcome in the answer to a write is always the one that [sdk.OutcomeOf]
// gives.
type Guard struct {
	connector   sdk.Connector
	name        string
	description []byte // JSON, so that every Describe tells the same
	rules       rules
}

var _ sdk.Remote = (*Guard)(nil)

// New returns a Guard for c. It asks c to describe itself, and fails, naming
// everything that is wrong, if a host could not use what it says.
func New(c sdk.Connector) (*Guard, error) {
	d, text, err := describe(c)
	if err != nil {
		return nil, err
	}
	rules, err := compile(d)
	if err != nil {
		return nil, fmt.Errorf("connector %q: %w", d.Manifest.Name, err)
	}
	return &Guard{connector: c, name: d.Manifest.Name, description: text, rules: rules}, nil
}

// op is where an error of op arises, in the form of [sdk.Unsupported].
func (g *Guard) op(op sdk.Operation) sdk.Op { return sdk.Op(g.name + "." + string(op)) }

// Describe returns what the connector said of itself when the guard was made. The
// description is the caller's.
func (g *Guard) Describe(context.Context) (sdk.Description, error) {
	d, err := recall(g.description)
	if err != nil {
		return d, sdk.Errorf(g.op("describe"), sdk.CodePluginMalformed, "%w", err)
	}
	return d, nil
}

// A job is one call of the author's code, and what is needed to judge it.
type job[Ability, Req, Res any] struct {
	op     sdk.Operation
	call   sdk.Call
	hidden mask
	do     func(Ability, context.Context, Req) (Res, error)
}

// read does a job that changes nothing at the provider.
func read[Ability, Req, Res any](
	ctx context.Context, g *Guard, j job[Ability, Req, Res], req Req,
) (Res, error) {
	res, e := attempt(ctx, g, j, req)
	if e != nil {
		var none Res
		return none, e
	}
	return res, nil
}

// write does a job whose answer says what became of it. With an error the result
// still carries what else the connector learned.
func write[Ability, Req, Res any](
	ctx context.Context, g *Guard, j job[Ability, Req, Res], req Req, answer func(*Res) *sdk.Answer,
) (Res, error) {
	res, e := attempt(ctx, g, j, req)
	a := answer(&res)
	a.Exchange = j.hidden.exchange(a.Exchange)
	if e == nil {
		e = Unsaid(g.op(j.op), a)
	}
	if e != nil {
		a.Outcome = e.Outcome()
		return res, e
	}
	return res, nil
}

// Unsaid returns the error of an answer that came without one and without an outcome
// that needs none: a caller that looked at the error alone would take it for success.
// It returns nil if the answer may stand without an error.
func Unsaid(op sdk.Op, a *sdk.Answer) *sdk.Error {
	if sdk.OutcomeOf(*a, nil) != sdk.OutcomeUnknown {
		return nil
	}
	return sdk.Errorf(op, sdk.CodePluginMalformed,
		"answered without an error and with the outcome %q, where only %s, %s and %s need no error",
		a.Outcome, sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction)
}

// attempt refuses, or calls the author's code once.
func attempt[Ability, Req, Res any](
	ctx context.Context, g *Guard, j job[Ability, Req, Res], req Req,
) (res Res, e *sdk.Error) {
	ability, ok := g.connector.(Ability)
	if !ok {
		return res, sdk.Unsupported(g.name, j.op)
	}
	op := g.op(j.op)
	if ctx.Err() != nil {
		return res, sdk.Errorf(op, sdk.CodeExpiredInQueue,
			"%w before the connector was asked", context.Cause(ctx))
	}
	if e := g.rules.refuse(op, j.op, j.call, req); e != nil {
		return res, e
	}
	ctx = sdk.WithCall(ctx, j.call)
	defer func() {
		if p := recover(); p != nil {
			var none Res
			res, e = none, survived(ctx, op, j.hidden, p)
		}
	}()
	res, err := j.do(ability, ctx, req)
	return res, j.hidden.error(op, err)
}

// survived turns a panic into an error in doubt: nobody knows how far the code got.
func survived(ctx context.Context, op sdk.Op, hidden mask, p any) *sdk.Error {
	said := hidden.text(fmt.Sprint(p))
	slog.ErrorContext(ctx, "the connector's code panicked",
		"op", string(op), "panic", said, "stack", hidden.text(string(debug.Stack())))
	return sdk.Errorf(op, sdk.CodePluginPanic, "the connector's code panicked: %s", said)
}
