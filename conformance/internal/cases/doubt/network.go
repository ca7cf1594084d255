package doubt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// lookBack is how old a payment may be for a lookup by our reference.
const lookBack = time.Minute

// dialTime bounds a call to somebody who cannot be reached.
const dialTime = 2 * time.Second

var (
	writing = []sdk.Operation{sdk.OpAuthorize}
	finding = []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}
)

var unknownName = suite.Case{
	ID: "doubt/name-not-resolved", Requirement: "PC-TIME-001", Profile: suite.Core, Needs: writing, Sim: true,
	Rule: "A provider whose name does not resolve was not asked: NOT_ATTEMPTED.",
	Why:  "Held in doubt, every payment of an outage of the name service waits for a lookup that will find nothing.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return elsewhere(ctx, l, "authorizing at a name that does not exist", "https://provider.invalid")
	},
}

var brokenTLS = suite.Case{
	ID: "doubt/tls-not-agreed", Requirement: "PC-TIME-001", Profile: suite.Core, Needs: writing, Sim: true,
	Rule: "A provider with whom no TLS is agreed was not asked: NOT_ATTEMPTED.",
	Why:  "A certificate that has expired must not put every payment in doubt.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return elsewhere(ctx, l, "authorizing over TLS where there is none", strings.Replace(l.Proxy.URL(), "http://", "https://", 1))
	},
}

// elsewhere authorizes for an account whose provider is at another address, and expects
// proof that nothing happened.
func elsewhere(ctx context.Context, l *suite.Lane, step, address string) error {
	d, err := deed.One(ctx, l, sdk.OpAuthorize)
	if err != nil {
		return err
	}
	config, moved := maps.Clone(d.Call.Account.Config), false
	for name, value := range config {
		if strings.Contains(value, l.Proxy.URL()) {
			config[name], moved = strings.ReplaceAll(value, l.Proxy.URL(), address), true
		}
	}
	if !moved {
		return fmt.Errorf("%w: no field of the account is ${provider.url}", suite.ErrNotTestable)
	}
	d.Call.Account.Config = config
	short, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	r := d.Do(short)
	return errors.Join(
		suite.Refused(step, r.Err),
		sane(step, r.Err, []sdk.Category{sdk.CategoryProviderUnavailable}),
		d.Took(ctx, step, 0),
	)
}

var cancelledCall = suite.Case{
	ID: "doubt/cancelled", Requirement: "PC-TIME-005", Profile: suite.Core, Needs: writing, Sim: true,
	Rule: "A caller who gives up while the provider is being asked gets UNKNOWN, the connector lets go of its request and sends nothing more.",
	Why:  "A host that has given up is about to look: whatever is sent afterwards changes what it saw.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		asked := make(chan struct{}, len(deeds)+64) // a connector may ask more often than it should
		mark := l.Mark()
		hang := proxy.Fault{What: proxy.Hang, Only: proxy.Writes, Match: func(proxy.Request) bool {
			select {
			case asked <- struct{}{}:
			default:
			}
			return true
		}}
		if err := l.Break(hang); err != nil {
			return err
		}
		results, err := giveUp(ctx, deeds, asked)
		if err != nil {
			return err
		}
		wrong := []error{gone(l, mark)}
		if err := l.Heal(); err != nil {
			return err
		}
		for i, d := range deeds {
			if results[i].Outcome() != sdk.OutcomeUnknown {
				wrong = append(wrong, suite.Brokenf(fmt.Sprintf("cancelling %s", d.Op), "outcome UNKNOWN", "%s", results[i]))
			}
		}
		if n := len(l.Wrote(mark)); n > len(deeds) {
			wrong = append(wrong, suite.Brokenf("after the cancellation", fmt.Sprintf("%d requests", len(deeds)), "%d", n))
		}
		return errors.Join(append(wrong, trouble{}.truth(ctx, l, "a call that was cancelled", deeds))...)
	},
}

// giveUp asks for every deed and cancels when all have reached the provider.
func giveUp(ctx context.Context, deeds []*deed.Deed, asked <-chan struct{}) ([]deed.Result, error) {
	calls, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan []deed.Result, 1)
	go func() { done <- deed.DoAll(calls, deeds) }()
	for range deeds {
		select {
		case <-asked:
		case results := <-done:
			return results, nil // what they came to without being cancelled is judged as it is
		}
	}
	cancel()
	return <-done, nil
}

// ample is a deadline of which the connector keeps back a part, and hiccups how often a
// busy machine may use that part up.
const (
	ample   = time.Second
	hiccups = 3
)

var answersBeforeCaller = suite.Case{
	ID: "doubt/answers-before-its-caller", Requirement: "PC-TIME-006", Profile: suite.Core, Needs: writing, Sim: true, Slow: true,
	Rule: "A connector gives the provider less time than its caller gives it, so that it gets to say what it knows.",
	Why:  "A caller that hangs up first learns neither what was sent nor how to look for it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := deed.One(ctx, l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		if err := l.Break(writes(proxy.Hang)); err != nil {
			return err
		}
		var wrong error
		for range hiccups {
			if wrong = outlasted(ctx, d); wrong == nil {
				break
			}
		}
		return errors.Join(wrong, l.Heal())
	},
}

// outlasted checks that the connector answered before its caller's deadline: the error
// is then its own.
func outlasted(ctx context.Context, d *deed.Deed) error {
	limited, cancel := context.WithTimeout(ctx, ample)
	defer cancel()
	return sane("authorizing at a provider that does not answer", d.Do(limited).Err, ambiguous)
}
