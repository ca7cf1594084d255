package fleet_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk"
)

// ask is a trial that takes a program's text, "name version …", for what it says.
func ask(_ context.Context, path, digest string) (sdk.Description, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return sdk.Description{}, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != digest {
		return sdk.Description{}, fmt.Errorf("the digest of %s is not %s", path, digest)
	}
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return sdk.Description{}, errors.New("exit code 1")
	}
	return sdk.Description{
		Manifest: sdk.Manifest{
			Name: words[0], Version: words[1],
			ConfigSchema: json.RawMessage(`{"type": "object"}`),
			Idempotency:  map[sdk.Operation]sdk.Idempotency{sdk.OpCapture: {Mode: sdk.IdempotencyNative}},
		},
		Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpCapture},
	}, nil
}

func open(t *testing.T, dir string) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Open(dir, ask)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// program writes a file with text and returns its path.
func program(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func install(t *testing.T, f *fleet.Fleet, text string) fleet.Release {
	t.Helper()
	r, err := f.Install(t.Context(), program(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestInstallKeepsTheProgramAndWhatItSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "releases")
	installed := install(t, open(t, dir), "smartpay 1.2.0")

	info, err := os.Stat(installed.Path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o500 {
		t.Errorf("the program's mode is %o, want 500: to be run, not changed", got)
	}
	if want := filepath.Join(dir, installed.Digest, "connector"); installed.Path != want {
		t.Errorf("path = %s, want %s", installed.Path, want)
	}
	again, err := open(t, dir).Get(installed.Digest)
	if err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	if !again.Describes(installed.Description) {
		t.Error("the description did not survive a restart")
	}
	// JSON keeps the meaning of a schema, not its spacing.
	again.Description, installed.Description = sdk.Description{}, sdk.Description{}
	if diff := cmp.Diff(installed, again); diff != "" {
		t.Errorf("the release changed over a restart (-before +after):\n%s", diff)
	}
}

func TestSameBytesAreOneRelease(t *testing.T) {
	f := open(t, t.TempDir())
	first, second := install(t, f, "smartpay 1.2.0"), install(t, f, "smartpay 1.2.0")
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second installation differs (-first +second):\n%s", diff)
	}
	if n := len(f.List()); n != 1 {
		t.Errorf("%d releases, want 1", n)
	}
}

func TestGetFindsARelease(t *testing.T) {
	f := open(t, t.TempDir())
	old := install(t, f, "smartpay 1.0.0")
	newer := install(t, f, "smartpay 1.1.0")
	rebuilt := install(t, f, "smartpay 1.0.0 built again")
	other := install(t, f, "acme-pay 3.0.0")
	tests := map[string]struct {
		ref  string
		want fleet.Release
	}{
		"by digest":                             {old.Digest, old},
		"by name: the last one installed":       {"smartpay", rebuilt},
		"by version":                            {"smartpay@1.1.0", newer},
		"by a version that two programs claim":  {"smartpay@1.0.0", rebuilt},
		"by name, of another connector's fleet": {"acme-pay", other},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := f.Get(tt.ref)
			if err != nil || got.Digest != tt.want.Digest {
				t.Errorf("Get(%q) = %v, %v, want %v", tt.ref, got, err, tt.want)
			}
		})
	}
	for _, ref := range []string{"", "smartpay@9.9.9", "nobody", strings.Repeat("0", 64)} {
		if _, err := f.Get(ref); !errors.Is(err, fleet.ErrNotInstalled) {
			t.Errorf("Get(%q) = %v, want ErrNotInstalled", ref, err)
		}
	}
	var order []string
	for _, r := range f.List() {
		order = append(order, r.Name+" "+r.Version)
	}
	if diff := cmp.Diff([]string{"acme-pay 3.0.0", "smartpay 1.0.0", "smartpay 1.1.0", "smartpay 1.0.0"}, order); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

func TestInstallRefuses(t *testing.T) {
	directory := func(t *testing.T) string { return t.TempDir() }
	text := func(text string) func(*testing.T) string {
		return func(t *testing.T) string { return program(t, text) }
	}
	tests := map[string]struct {
		path func(*testing.T) string
		says string
	}{
		"a file that is not there":           {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, "no such file"},
		"a directory":                        {directory, "no regular file"},
		"an empty file":                      {text(""), "is empty"},
		"a program that fails its trial":     {text("crash"), "trial start: exit code 1"},
		"a program without a usable name":    {text("Smart/Pay 1.0.0"), "name"},
		"a program without a usable version": {text("smartpay v1"), "semantic version"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := open(t, dir)
			path := tt.path(t)
			_, err := f.Install(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("Install = %v, want an error that names the file and says %q", err, tt.says)
			}
			nothingLeft(t, f, dir)
		})
	}
}

func nothingLeft(t *testing.T, f *fleet.Fleet, dir string) {
	t.Helper()
	if got := f.List(); len(got) != 0 {
		t.Errorf("List = %v, want nothing", got)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}

func TestInstallEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // whether it is noticed while waiting or while copying is chance
		if _, err := f.Install(ctx, program(t, "smartpay 1.0.0")); !errors.Is(err, context.Canceled) {
			t.Fatalf("Install = %v, want that it was canceled", err)
		}
	}
	nothingLeft(t, f, dir)
}

func TestInstallationsAtOnceAreOneRelease(t *testing.T) {
	dir := t.TempDir()
	var trials atomic.Int32
	f, err := fleet.Open(dir, func(ctx context.Context, path, digest string) (sdk.Description, error) {
		trials.Add(1)
		return ask(ctx, path, digest)
	})
	if err != nil {
		t.Fatal(err)
	}
	path := program(t, "smartpay 1.0.0")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := f.Install(context.Background(), path); err != nil {
				t.Error(err)
			}
			f.List()
		})
	}
	wg.Wait()
	if n := trials.Load(); n != 1 {
		t.Errorf("%d trial starts, want 1", n)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v (%v), want one release", entries, err)
	}
}
