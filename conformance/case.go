package conformance

import (
	"context"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Case is one sentence that can be broken, and the shortest story that could refute
// it. Its ID is a path and never changes.
type Case struct {
	ID    string
	Level Level
	Rule  string        // one line, in the present tense
	Why   string        // what would go wrong in production
	Needs sdk.Operation // runs only where this is offered; empty runs always
	Run   func(ctx context.Context, b *Bench) error
}

// Cases lists every case, in the order in which they run.
func Cases() []Case {
	return []Case{
		manifestIsStable,
		manifestMatchesSchema,
		closureHolds,
		healthServes,
		undeclaredIsRefused,
		pastDeadlineIsRefused,
		foreignCurrencyIsRefused,
		foreignCountryIsRefused,
		foreignCaptureModeIsRefused,
		zeroAmountIsRefused,
		missingFieldIsNamed,
		tooManyItemsAreRefused,
		missingCredentialIsRefused,
		unreachableIsInDoubt,
		unsignedWebhookIsRefused,
		webhookWithoutSecretIsRefused,
		secretsStaySecret,
		stopIsPrompt,
	}
}
