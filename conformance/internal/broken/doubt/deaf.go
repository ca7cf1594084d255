package doubt

import (
	"context"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/sdk"
)

// deaf go on when their caller has stopped listening.
func deaf() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "deadline-deaf", Fault: "goes on asking after its caller's deadline",
			Killer: "doubt/hang", Reason: "to have let go of its request",
			Collateral: []string{
				"doubt/answer-never-comes", "doubt/answers-before-its-caller", "doubt/cancelled", "doubt/lookup-hangs",
				"load/cancelled-calls-leave-nothing", "doubt/answer-drips",
			},
			Transport: func(next http.RoundTripper) http.RoundTripper {
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					return next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
				})
			},
		},
		{
			ID: "cancel-deaf", Fault: "goes on asking after its caller has given up",
			Killer: "doubt/cancelled", Reason: "to have let go of its request",
			Collateral: []string{"load/cancelled-calls-leave-nothing"},
			Connector: bend.Calling(func(ctx context.Context, _ sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
				at, limited := ctx.Deadline()
				ctx = context.WithoutCancel(ctx)
				if !limited {
					return ctx, call
				}
				ctx, cancel := context.WithDeadline(ctx, at)
				context.AfterFunc(ctx, cancel)
				return ctx, call
			}),
		},
		{
			ID: "answers-after-its-caller", Fault: "gives its provider more time than its caller gives it",
			Killer: "doubt/answers-before-its-caller", Reason: "expected an error of [PROVIDER_AMBIGUOUS]",
			Collateral: []string{"doubt/hang", "doubt/answer-never-comes", "doubt/answer-drips", "doubt/cancelled"},
			Connector: bend.Calling(func(ctx context.Context, _ sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
				at, limited := ctx.Deadline()
				if !limited {
					return ctx, call
				}
				longer, cancel := context.WithDeadline(context.WithoutCancel(ctx), at.Add(time.Until(at)/2))
				context.AfterFunc(longer, cancel)
				return longer, call
			}),
		},
	}
}
