package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A Policy is what connectors may take, and what a new release of one must stand. The
// zero Policy has the defaults given beside the fields of its parts, keeps no old release
// warm, and trusts nobody's certificates.
type Policy struct {
	// Bake is how long the process of a replaced release is kept alive, to take the calls
	// again if the new one does worse; 0 means not at all.
	Bake   time.Duration
	Bounds supervise.Bounds // how much worse
	Trial  supervise.Trial  // what a release passes before it serves
	Limits slot.Limits      // of each connector

	Isolation Isolation // what connectors are kept from
	// Certification is what their certificates must say; the zero one lets nothing serve.
	Certification certificate.Policy
}

// warnOfNoKeys tells an operator why no connector is going to be loaded.
func (p Policy) warnOfNoKeys(ctx context.Context, log *slog.Logger) {
	if p.Certification.Enforces() && len(p.Certification.Keys) == 0 {
		log.WarnContext(ctx, "certification is enforced and nobody's certificates are trusted: no connector will be loaded",
			"trust somebody with", "--certification-key", "serve without with", "--certification warn")
	}
}

// check names every setting that is wrong.
func (p Policy) check() error {
	var wrong []error
	if p.Bake < 0 {
		wrong = append(wrong, fmt.Errorf("bake-time is %s, must be positive", p.Bake))
	}
	if err := p.Trial.Check(); err != nil {
		wrong = append(wrong, fmt.Errorf("canary: %w", err))
	}
	if err := p.Limits.Check(); err != nil {
		wrong = append(wrong, fmt.Errorf("limits of connectors: %w", err))
	}
	return errors.Join(append(wrong, p.Isolation.check(), p.Certification.Check())...)
}
