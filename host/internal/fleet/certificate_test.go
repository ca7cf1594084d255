package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A judge admits what carries the right words, and notes what it was asked.
type judge struct{ asked []string }

var errRefused = errors.New("refused by the judge")

func (j *judge) judge(digest string, described *sdk.Description, raw []byte) error {
	when := "before its start"
	if described != nil {
		when = "as " + described.Manifest.Name
	}
	j.asked = append(j.asked, when+" with "+string(raw))
	if len(digest) != 64 || !bytes.HasPrefix(raw, []byte("good")) {
		return errRefused
	}
	return nil
}

func TestCertificateLiesBesideItsRelease(t *testing.T) {
	dir := t.TempDir()
	f, j := open(t, dir), &judge{}
	path := program(t, "smartpay 1.0.0")
	r, err := f.InstallCertified(t.Context(), path, []byte("good"), j.judge)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, f, r, "good")
	if _, err := f.InstallCertified(t.Context(), path, nil, j.judge); err != nil { // by the one that it has
		t.Fatal(err)
	}
	holds(t, f, r, "good")
	if _, err := f.InstallCertified(t.Context(), path, []byte("good and newer"), j.judge); err != nil {
		t.Fatal(err)
	}
	holds(t, f, r, "good and newer")
	if err := f.Certify(t.Context(), r.Digest, []byte("good and newest"), j.judge); err != nil {
		t.Fatal(err)
	}
	holds(t, open(t, dir), r, "good and newest") // as the next run of the host finds it
	for name, install := range map[string]func() error{
		"given to what is installed": func() error { return f.Certify(t.Context(), r.Digest, []byte("bad"), j.judge) },
		"given with the same program": func() error {
			_, err := f.InstallCertified(t.Context(), path, []byte("bad"), j.judge)
			return err
		},
	} {
		if err := install(); !errors.Is(err, errRefused) {
			t.Errorf("%s: %v", name, err)
		}
		holds(t, f, r, "good and newest")
	}
	want := []string{
		"before its start with good", "as smartpay with good", "as smartpay with good", "as smartpay with good and newer",
		"as smartpay with good and newest", "as smartpay with bad", "as smartpay with bad",
	}
	if diff := cmp.Diff(want, j.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func holds(t *testing.T, f *fleet.Fleet, r fleet.Release, want string) {
	t.Helper()
	got, err := f.Certificate(r.Digest)
	if err != nil || string(got) != want {
		t.Errorf("certificate %q, %v, want %q", got, err, want)
	}
	if _, err := f.Get(r.Digest); err != nil {
		t.Errorf("the release is not what was installed any more: %v", err)
	}
}

// What is refused is not kept, and was not even started.
func TestWhatIsRefusedIsNotStarted(t *testing.T) {
	dir := t.TempDir()
	started := 0
	f, err := fleet.Open(dir, func(ctx context.Context, path, digest string) (sdk.Description, error) {
		started++
		return ask(ctx, path, digest)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.InstallCertified(t.Context(), program(t, "smartpay 1.0.0"), []byte("bad"), (&judge{}).judge)
	if !errors.Is(err, errRefused) || started != 0 {
		t.Errorf("InstallCertified = %v after %d starts", err, started)
	}
	onlyKnown := func(_ string, d *sdk.Description, _ []byte) error {
		if d != nil {
			return errRefused
		}
		return nil
	}
	_, err = f.InstallCertified(t.Context(), program(t, "smartpay 1.0.0"), nil, onlyKnown)
	if !errors.Is(err, errRefused) || started != 1 {
		t.Errorf("InstallCertified = %v after %d starts", err, started)
	}
	nothingLeft(t, f, dir)
}

func TestCertificatesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	r := install(t, f, "smartpay 1.0.0")
	install(t, f, "smartpay 1.0.0") // once more
	if got, err := f.Certificate(r.Digest); err != nil || got != nil {
		t.Errorf("certificate of a release without one: %q, %v", got, err)
	}
	large := []byte("good" + strings.Repeat("x", certificate.MaxSize))
	if err := f.Certify(t.Context(), r.Digest, large, (&judge{}).judge); err == nil {
		t.Error("kept a certificate that nobody would read")
	}
	for _, digest := range []string{"", "..", strings.Repeat("0", 64)} {
		if err := f.Certify(t.Context(), digest, []byte("good"), (&judge{}).judge); !errors.Is(err, fleet.ErrNotInstalled) {
			t.Errorf("Certify(%q) = %v", digest, err)
		}
	}
	if _, err := f.Certificate("../" + r.Digest); !errors.Is(err, fleet.ErrNotInstalled) {
		t.Errorf("Certificate of a path = %v", err)
	}
	// What was cut short is in nobody's way.
	if err := os.WriteFile(filepath.Join(dir, r.Digest, "certificate.new"), []byte("go"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := f.Certify(t.Context(), r.Digest, []byte("good"), (&judge{}).judge); err != nil {
		t.Fatal(err)
	}
	holds(t, f, r, "good")
	if err := os.Chmod(filepath.Join(dir, r.Digest, "certificate.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, r.Digest, "certificate.json"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Certificate(r.Digest); certificate.ReasonOf(err) != certificate.Malformed || got != nil {
		t.Errorf("a certificate that has grown: %d bytes, %v", len(got), err)
	}
}
