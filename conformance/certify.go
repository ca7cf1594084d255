package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// SuiteName is the suite's name in certificates.
const SuiteName = "connectorhost-conformance"

// Claims are what a certificate for the run says. A run that was filtered, or in which
// anything is open, is [certificate.ErrNotCertifiable]; the error names all that keeps
// it from that.
func Claims(r *Report) (certificate.Claims, error) {
	if why := r.Certifiable(); len(why) > 0 {
		return certificate.Claims{}, fmt.Errorf("%w:\n  %s", certificate.ErrNotCertifiable, strings.Join(why, "\n  "))
	}
	var raw bytes.Buffer
	if err := r.JSON(&raw); err != nil {
		return certificate.Claims{}, err
	}
	sum := sha256.Sum256(raw.Bytes())
	c := certificate.Claims{
		Connector: r.Plugin.Name, Version: r.Plugin.Version, Binary: r.Plugin.SHA256, OS: r.Plugin.OS, Arch: r.Plugin.Arch,
		Suite:    certificate.Suite{Name: SuiteName, Version: r.Suite.Version},
		Fixtures: r.Run.Fixtures, Report: hex.EncodeToString(sum[:]), Evidence: certificate.Evidence(r.Run.Evidence),
		TestedAt: r.Run.Ended.Truncate(time.Second), Manifest: r.Plugin.ManifestSHA256,
		Declared: r.Plugin.Operations, Features: certificate.Features(r.Plugin.Manifest.Features),
	}
	for _, p := range r.Profiles {
		if p.Claimed && (p.Verdict == suite.Pass || p.Verdict == suite.Warn) {
			c.Profiles = append(c.Profiles, certificate.Profile{Name: string(p.Name), Version: p.Version, Digest: p.SHA256})
		}
	}
	for _, capability := range r.Capabilities {
		if capability.Holds() {
			c.Operations = append(c.Operations, sdk.Operation(capability.Name))
		}
	}
	for _, x := range r.Results {
		switch x.Verdict {
		case suite.Pass:
			c.Tests.Passed = append(c.Tests.Passed, x.ID)
		case suite.Warn:
			c.Tests.Warned = append(c.Tests.Warned, x.ID)
		case suite.NotApplicable, suite.Error, suite.Fail, suite.Flaky, suite.NotTestable, suite.Blocked:
		}
	}
	return c, c.Certifiable()
}
