package doubt

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

const limitWhy = "A limit that is taken for a failure costs the sale; one that is hammered against costs the account."

var rateLimitInSeconds = suite.Case{
	ID: "doubt/rate-limit-seconds", Requirement: "PC-ERR-104", Profile: suite.Core, Needs: writing, Sim: true,
	Rule: "429 with Retry-After in seconds is NOT_ATTEMPTED, rate_limited, with that time to wait.", Why: limitWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		return limited(ctx, l, proxy.TooMany("7"), 7*time.Second)
	},
}

var rateLimitAsDate = suite.Case{
	ID: "doubt/rate-limit-date", Requirement: "PC-ERR-104", Profile: suite.Core, Needs: writing, Sim: true,
	Rule: "429 with a date in Retry-After is NOT_ATTEMPTED, rate_limited, with the time until then.", Why: limitWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		at := time.Now().Add(60 * time.Second).UTC().Format(http.TimeFormat)
		return limited(ctx, l, proxy.TooMany(at), 60*time.Second)
	},
}

var rateLimitUnsaid = suite.Case{
	ID: "doubt/rate-limit-unsaid", Requirement: "PC-ERR-104", Profile: suite.Core, Needs: writing, Sim: true,
	Rule: "429 without a readable Retry-After is NOT_ATTEMPTED, rate_limited, and no time is made up.", Why: limitWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		return errors.Join(
			limited(ctx, l, proxy.Reply{Status: 429, Body: []byte("{}")}, 0),
			limited(ctx, l, proxy.TooMany("soon"), 0),
			limited(ctx, l, proxy.TooMany("-5"), 0),
		)
	},
}

// drift is what a date in whole seconds, and the time of the call, may take off.
const drift = 5 * time.Second

// limited expects every write to be refused with a limit and the time to wait.
func limited(ctx context.Context, l *suite.Lane, reply proxy.Reply, wait time.Duration) error {
	deeds, err := deed.Ready(ctx, l)
	if err != nil {
		return err
	}
	f := proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: reply}
	if err := l.Break(f); err != nil {
		return err
	}
	results := deed.DoAll(ctx, deeds)
	if err := l.Heal(); err != nil {
		return err
	}
	step := "a call at the limit, with Retry-After " + reply.Header.Get("Retry-After")
	i := 0
	wrong := []error{trouble{}.truth(ctx, l, step, deeds)}
	for _, d := range deeds {
		r := results[i]
		i++
		if err := suite.Refused(string(d.Op)+": "+step, r.Err, sdk.CodeRateLimited); err != nil {
			wrong = append(wrong, err)
			continue
		}
		if got := sdk.AsError(r.Err).RetryAfter; got > wait || got < wait-drift || wait > 0 && got <= 0 {
			wrong = append(wrong, suite.Brokenf(string(d.Op)+": "+step, "to wait "+wait.String(), "%s", got))
		}
	}
	return errors.Join(wrong...)
}
