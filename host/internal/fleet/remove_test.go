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
	if err := f.Remove(t.Context(), doomed.Digest, idle); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), doomed.Digest, idle); !errors.Is(err, fleet.ErrNotInstalled) {
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
	if err := f.Remove(t.Context(), r.Digest, idle); err != nil {
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
	if err := f.Remove(ctx, r.Digest, idle); err == nil {
		t.Error("Remove of what is not there succeeded")
	}
}

func idle() error { return nil }

// A release that somebody brings into use is not removed, one that is being removed is
// not brought into use, and whoever decides what is in use is asked in between.
func TestReleaseIsKeptOrRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "releases")
	f := open(t, dir)
	r := install(t, f, "smartpay 1.2.0")
	first, err := f.Keep(r.Digest)
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Keep(r.Digest)
	if err != nil {
		t.Fatal(err)
	}
	first()
	first() // counts once
	asked := func() error { t.Error("asked about a release that is kept"); return nil }
	if err := f.Remove(t.Context(), r.Digest, asked); !errors.Is(err, fleet.ErrInUse) {
		t.Errorf("Remove of what is kept = %v, want ErrInUse", err)
	}
	second()

	runs := errors.New("it runs")
	if err := f.Remove(t.Context(), r.Digest, func() error { return runs }); !errors.Is(err, runs) {
		t.Errorf("Remove of what runs = %v, want why not", err)
	}
	if _, err := f.Get(r.Digest); err != nil {
		t.Errorf("Get of what was not removed = %v", err)
	}
	again, err := f.Keep(r.Digest)
	if err != nil {
		t.Fatalf("Keep of what was not removed = %v", err)
	}
	again()

	late := func() error {
		if _, err := f.Keep(r.Digest); !errors.Is(err, fleet.ErrNotInstalled) {
			t.Errorf("Keep of what is being removed = %v, want ErrNotInstalled", err)
		}
		return nil
	}
	if err := f.Remove(t.Context(), r.Digest, late); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Keep(r.Digest); !errors.Is(err, fleet.ErrNotInstalled) {
		t.Errorf("Keep of what is gone = %v, want ErrNotInstalled", err)
	}
}
