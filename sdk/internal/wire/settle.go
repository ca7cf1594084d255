package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/guard"
)

// settle judges what a write answered and makes its outcome the one that everybody
// reads. It returns the error that the caller gets: e, or why the answer cannot be
// believed.
func settle(op sdk.Op, a *sdk.Answer, e *sdk.Error) *sdk.Error {
	claimed := a.Outcome
	if e == nil {
		e = guard.Unsaid(op, a)
		if e == nil {
			return nil
		}
	} else if claimed != "" && e.Code.Valid() && claimed != e.Outcome() {
		// A code from the future is in doubt by itself, whatever outcome came with it.
		e = sdk.Errorf(op, sdk.CodePluginMalformed,
			"answered with the outcome %q, which contradicts its error: %w", claimed, e)
	}
	a.Outcome = e.Outcome()
	return e
}
