package fleet_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk"
)

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(text), 0o500); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedReleaseIsRefusedAndTheOthersAreNot(t *testing.T) {
	damage := map[string]func(t *testing.T, r fleet.Release){
		"the program has one byte more": func(t *testing.T, r fleet.Release) {
			rewrite(t, r.Path, func(b []byte) []byte { return append(b, ' ') })
		},
		"the program is cut short": func(t *testing.T, r fleet.Release) {
			rewrite(t, r.Path, func(b []byte) []byte { return b[:4] })
		},
		"the program is gone": func(t *testing.T, r fleet.Release) {
			if err := os.Remove(r.Path); err != nil {
				t.Fatal(err)
			}
		},
		"the program is a link to another one": func(t *testing.T, r fleet.Release) {
			if err := errors.Join(os.Remove(r.Path), os.Symlink(os.Args[0], r.Path)); err != nil {
				t.Fatal(err)
			}
		},
		"the record is no JSON": func(t *testing.T, r fleet.Release) {
			rewrite(t, record(r), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"the record is about another digest": func(t *testing.T, r fleet.Release) {
			rewrite(t, record(r), func(b []byte) []byte {
				return []byte(strings.ReplaceAll(string(b), r.Digest, strings.Repeat("a", 64)))
			})
		},
		"the record names a path": func(t *testing.T, r fleet.Release) {
			rewrite(t, record(r), func(b []byte) []byte {
				return []byte(strings.ReplaceAll(string(b), `"smartpay"`, `"../smartpay"`))
			})
		},
		"the record is gone": func(t *testing.T, r fleet.Release) {
			if err := os.Remove(record(r)); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, damage := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := open(t, dir)
			sound, hurt := install(t, f, "acme-pay 1.0.0"), install(t, f, "smartpay 1.0.0")
			damage(t, hurt)

			f = open(t, dir)
			if _, err := f.Get(hurt.Digest); !errors.Is(err, fleet.ErrDamaged) || !strings.Contains(err.Error(), hurt.Digest[:12]) {
				t.Errorf("Get = %v, want ErrDamaged and the digest", err)
			}
			if _, err := f.Get(sound.Digest); err != nil {
				t.Errorf("Get of the sound release = %v", err)
			}
			if n := len(f.List()); strings.HasPrefix(name, "the record") && n != 1 {
				t.Errorf("List has %d releases, want the sound one alone", n)
			}
			if err := f.Verify(); !errors.Is(err, fleet.ErrDamaged) || strings.Contains(err.Error(), "acme-pay") {
				t.Errorf("Verify = %v, want the damaged release alone", err)
			}
			if _, err := f.Install(t.Context(), program(t, "smartpay 1.0.0")); !errors.Is(err, fleet.ErrDamaged) {
				t.Errorf("Install over it = %v, want ErrDamaged: what happened here is for people to see", err)
			}
		})
	}
}

func record(r fleet.Release) string { return filepath.Join(filepath.Dir(r.Path), "release.json") }

func TestVerifyIsSilentWhenAllIsWell(t *testing.T) {
	f := open(t, t.TempDir())
	install(t, f, "smartpay 1.0.0")
	if err := f.Verify(); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

// A host that dies in the middle of an installation leaves a folder as it is during
// the trial start. The next host finds no release in it and removes what is left.
func TestInstallationCutShortLeavesNothing(t *testing.T) {
	dir, crashed := t.TempDir(), filepath.Join(t.TempDir(), "releases")
	f, err := fleet.Open(dir, func(ctx context.Context, path, digest string) (sdk.Description, error) {
		if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
			return sdk.Description{}, err
		}
		return ask(ctx, path, digest)
	})
	if err != nil {
		t.Fatal(err)
	}
	install(t, f, "smartpay 1.0.0")
	if entries, err := os.ReadDir(crashed); err != nil || len(entries) != 1 {
		t.Fatalf("the crash left %v (%v), want the unfinished installation", entries, err)
	}
	after := open(t, crashed)
	nothingLeft(t, after, crashed)
	install(t, after, "smartpay 1.0.0")
}

func TestOpenLeavesAloneWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	if got := f.List(); len(got) != 0 {
		t.Errorf("List = %v, want nothing", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "lost+found")); err != nil {
		t.Error(err)
	}
}
