package host

import (
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// longBreakpoint is how long a person looks at a variable.
const longBreakpoint = 8 * time.Hour

func TestPatienceOutlastsABreakpoint(t *testing.T) {
	usual := supervise.Config{Bake: time.Minute, CrashLimit: 5, DrainTimeout: time.Minute}
	debugged := (&connectors{config: Config{Attach: "file"}}).patient(usual)
	for name, bound := range map[string]time.Duration{
		"start": debugged.StartTimeout, "ready": debugged.ReadyTimeout,
		"between health checks": debugged.HealthEvery, "a health check": debugged.HealthTimeout,
	} {
		if bound < longBreakpoint {
			t.Errorf("%s: %s", name, bound)
		}
	}
	if debugged.CrashLimit < 1e6 || debugged.ParkAfter < 1e6 || debugged.BackoffMax > 5*time.Second || debugged.Bake != 0 {
		t.Errorf("who restarts often waits or is shut out: %+v", debugged)
	}
	if debugged.DrainTimeout != usual.DrainTimeout {
		t.Errorf("drain takes %s", debugged.DrainTimeout)
	}
	others := (&connectors{}).patient(usual)
	if others.Bake != usual.Bake || others.CrashLimit != usual.CrashLimit || others.HealthEvery != 0 || others.StartTimeout != 0 {
		t.Errorf("patient without anybody to debug: %+v", others)
	}
}

func TestAttachedReleaseIsNamedByItsDescription(t *testing.T) {
	one := sdk.Description{Manifest: sdk.Manifest{Name: "mine", Version: "1.0.0"}}
	two := one
	two.Manifest.DisplayName = "Mine"
	var all []fleet.Release
	for _, d := range []sdk.Description{one, one, two} {
		r, err := attachedRelease(d)
		if err != nil || !attached(r.Digest) || r.Name != "mine" || !r.Describes(d) {
			t.Errorf("%+v, %v", r, err)
		}
		all = append(all, r)
	}
	if all[0].Digest != all[1].Digest || all[0].Digest == all[2].Digest {
		t.Errorf("digests %s, %s, %s", all[0].Digest, all[1].Digest, all[2].Digest)
	}
}
