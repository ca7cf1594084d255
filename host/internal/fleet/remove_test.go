package fleet_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
)

func TestRemovedReleaseIsNotInstalled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "releases")
	f := open(t, dir)
	kept, doomed := install(t, f, "smartpay 1.2.0"), install(t, f, "smartpay 1.3.0")
	if err := f.Remove(t.Context(), doomed.Digest); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), doomed.Digest); !errors.Is(err, fleet.ErrNotInstalled) {
		t.Errorf("Remove again = %v, want ErrNotInstalled", err)
	}
	for when, f := range map[string]*fleet.Fleet{"at once": f, "after a restart": open(t, dir)} {
		if list := f.List(); len(list) != 1 || list[0].Digest != kept.Digest {
			t.Errorf("%s: installed are %v, want what was kept", when, list)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	if again := install(t, f, "smartpay 1.3.0"); again.Digest != doomed.Digest {
		t.Errorf("installed again as %v, want %v", again, doomed)
	}
}

func TestRemoveWhatIsDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "releases")
	r := install(t, open(t, dir), "smartpay 1.2.0")
	if err := os.Remove(record(r)); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	if err := f.Remove(t.Context(), r.Digest); err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err != nil {
		t.Errorf("Verify = %v, want nothing wrong any more", err)
	}
}

// A removal that the host's death cut short is finished by the next run.
func TestRemovalThatWasCutShort(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "releases")
	r := install(t, open(t, dir), "smartpay 1.2.0")
	if err := os.Rename(filepath.Dir(r.Path), filepath.Join(dir, ".incoming-"+r.Digest)); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 || len(f.List()) != 0 {
		t.Errorf("left: %v, %v, installed: %v", left, err, f.List())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Remove(ctx, r.Digest); err == nil {
		t.Error("Remove of what is not there succeeded")
	}
}
