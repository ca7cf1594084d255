package conformance

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestProfilesAreFrozen(t *testing.T) {
	for _, p := range suite.Profiles() {
		now, err := profileText(p)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(profilePath(p), now, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		frozen, err := os.ReadFile(profilePath(p))
		if err != nil || !bytes.Equal(frozen, now) {
			t.Errorf("profile %s is not what was frozen (%v): a new case belongs to a new version, or make golden before the first release", p, err)
		}
	}
}
