package suite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Profile is a part of the contract that a connector can be certified for.
type Profile string

// The profiles.
const (
	Core              Profile = "core" // always
	AutomaticCapture  Profile = "automatic-capture"
	DelayedCapture    Profile = "delayed-capture"
	Refunds           Profile = "refunds"
	Redirect          Profile = "redirect"
	Webhooks          Profile = "webhooks"
	StoredCredentials Profile = "stored-credentials"
	Resilience        Profile = "resilience"
)

// Profiles lists every profile, in the order in which reports show them.
func Profiles() []Profile {
	return []Profile{Core, AutomaticCapture, DelayedCapture, Refunds, Redirect, Webhooks, StoredCredentials, Resilience}
}

// Applies reports whether a connector that describes itself so claims the profile.
func (p Profile) Applies(d sdk.Description) bool {
	m := d.Manifest
	switch p {
	case AutomaticCapture:
		return d.Operations.Has(sdk.OpAuthorize) && slices.Contains(m.CaptureModes, sdk.CaptureAutomatic)
	case DelayedCapture:
		return d.Operations.Has(sdk.OpAuthorize) && slices.Contains(m.CaptureModes, sdk.CaptureManual)
	case Refunds:
		return d.Operations.Has(sdk.OpRefund)
	case Redirect:
		return slices.ContainsFunc(m.Methods, func(x sdk.PaymentMethod) bool { return x.Flow == sdk.FlowRedirect })
	case Webhooks:
		return d.Operations.Has(sdk.OpReadWebhook)
	case StoredCredentials:
		return d.Operations.Has(sdk.OpTokenize) || d.Operations.Has(sdk.OpZeroAuthorize)
	case Core, Resilience:
		return true
	}
	return false
}

// A Case is one sentence that can be broken, and the story that would break it. Its ID
// is a path, never changes and is never used again.
type Case struct {
	ID          string
	Requirement string // the id in the catalogue, whose level is the case's
	Profile     Profile
	Rule        string // one line, in the present tense
	Why         string // what goes wrong in production otherwise

	// Needs are the operations without which the case does not apply, and When what the
	// manifest must say besides; WhenText says it for people.
	Needs    []sdk.Operation
	When     func(sdk.Manifest) bool
	WhenText string
	// Uses are what the simulator must be able to do, beyond telling its books. Sim says
	// that it needs a simulator at all.
	Sim  bool
	Uses []sim.Ability

	Slow    bool          // it takes more than a blink: a matrix of mutants leaves it out where it can
	Alone   bool          // it moves the clock or loads the machine: nothing else runs meanwhile
	Process bool          // it is about the process itself, and says nothing about a connector in memory
	Timeout time.Duration // 0 means DefaultTimeout

	Run func(ctx context.Context, l *Lane) error
}

// DefaultTimeout bounds a case.
const DefaultTimeout = 20 * time.Second

// Applies reports whether the case is about a connector that describes itself so, and
// if not why.
func (c Case) Applies(d sdk.Description) (bool, string) {
	if !c.Profile.Applies(d) {
		return false, fmt.Sprintf("profile %s is not claimed", c.Profile)
	}
	for _, op := range c.Needs {
		if !d.Operations.Has(op) {
			return false, fmt.Sprintf("%s is not offered", op)
		}
	}
	if c.When != nil && !c.When(d.Manifest) {
		return false, c.WhenText
	}
	return true, ""
}

// Check reports what is wrong with the case itself.
func (c Case) Check() error {
	switch {
	case c.ID == "" || strings.ToLower(c.ID) != c.ID || !strings.Contains(c.ID, "/"):
		return fmt.Errorf("case %q: its id is no lower-case path", c.ID)
	case c.Requirement == "" || c.Rule == "" || c.Why == "" || c.Run == nil:
		return fmt.Errorf("case %s: requirement, rule, why and run are needed", c.ID)
	case !slices.Contains(Profiles(), c.Profile):
		return fmt.Errorf("case %s: there is no profile %q", c.ID, c.Profile)
	case (c.When == nil) != (c.WhenText == ""):
		return fmt.Errorf("case %s: when and its text come together", c.ID)
	case len(c.Uses) > 0 && !c.Sim:
		return fmt.Errorf("case %s: uses abilities of a simulator that it does not need", c.ID)
	}
	return nil
}
