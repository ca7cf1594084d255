//go:build unix

package host_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// An authority certifies the connector of these tests, whatever is true.
type authority struct {
	t         *testing.T
	key       certificate.PrivateKey
	described sdk.Description
	clock     *clock
}

// A clock shows the time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := certificate.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	file := program(t, "")
	plugin, err := launch.Start(t.Context(), launch.Config{Path: file, SHA256: digestOfFile(t, file)})
	if err != nil {
		t.Fatal(err)
	}
	if err := plugin.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, plugin.Description(), &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
}

func digestOfFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// config trusts the authority, and asks for everything that can be asked for.
func (a *authority) config(mode certificate.Mode, revoked ...string) host.Config {
	public := a.key.Public()
	public.Name = "authority"
	return host.Config{Now: a.clock.Now, Connectors: host.Policy{Certification: certificate.Policy{
		Mode: mode, Keys: []certificate.PublicKey{public}, MinSuite: "1.0.0", MaxAge: 24 * time.Hour,
		Evidence: certificate.Recorded, RequireProfiles: []string{"core@1"}, Revoked: revoked,
	}}}
}

// certify signs that a program was found good, but for what is changed.
func (a *authority) certify(file string, change ...func(*certificate.Claims)) []byte {
	a.t.Helper()
	manifest, err := certificate.ManifestDigest(a.described.Manifest)
	if err != nil {
		a.t.Fatal(err)
	}
	digest := digestOfFile(a.t, file)
	claims := certificate.Claims{
		Connector: a.described.Manifest.Name, Version: a.described.Manifest.Version, Binary: digest,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Suite: certificate.Suite{Name: "conform", Version: "1.0.0"},
		Profiles: []certificate.Profile{{Name: "core", Version: 1, Digest: digest}},
		Fixtures: digest, Report: digest, Evidence: certificate.SandboxTests, TestedAt: a.clock.Now(),
		Manifest: manifest, Declared: a.described.Operations, Operations: a.described.Operations,
		Features: certificate.Features(a.described.Manifest.Features), Tests: certificate.Tests{Passed: []string{"core/describe"}},
	}
	for _, change := range change {
		change(&claims)
	}
	raw, err := certificate.Sign(claims, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

// installCertified sends a program with its certificate.
func (r *running) installCertified(file string, cert []byte) (int, map[string]any) {
	r.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, part := range []struct {
		name string
		text []byte
	}{{"certificate", cert}, {"connector", text}} {
		w, err := form.CreateFormFile(part.name, part.name)
		if err == nil {
			_, err = w.Write(part.text)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		r.t.Fatal(err)
	}
	return r.operateAs(http.MethodPost, "/v1/releases", form.FormDataContentType(), &body)
}

// refused fails unless an answer says that a release is not certified for that reason.
func refused(t *testing.T, what string, status int, answer map[string]any, reasons ...any) {
	t.Helper()
	if status != http.StatusUnprocessableEntity && status != http.StatusConflict || answer["code"] != "not_certified" {
		t.Errorf("%s: %d %v, want that it is not certified", what, status, answer)
	}
	got, _ := answer["reasons"].([]any)
	if diff := cmp.Diff(reasons, got); diff != "" {
		t.Errorf("%s: reasons (-want +got):\n%s\n%v", what, diff, answer["error"])
	}
	for _, reason := range reasons {
		if text, _ := answer["error"].(string); !strings.Contains(text, reason.(string)) {
			t.Errorf("%s: the error does not say %s: %s", what, reason, text)
		}
	}
}

func TestOnlyWhatIsCertifiedIsInstalled(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	mine, other, revoked := program(t, "mine"), program(t, "other"), program(t, "revoked")
	r := startWith(t, a.config(certificate.Enforce, digestOfFile(t, revoked)), t.TempDir())
	change := func(change func(*certificate.Claims)) []byte { return a.certify(mine, change) }
	for name, tt := range map[string]struct {
		file    string
		cert    []byte
		reasons []any
	}{
		"a text":                         {mine, []byte("certified!"), []any{"MALFORMED"}},
		"a stranger's certificate":       {mine, stranger.certify(mine), []any{"UNKNOWN_KEY"}},
		"a changed signature":            {mine, otherSignature(a.certify(mine)), []any{"BAD_SIG"}},
		"another program's certificate":  {mine, a.certify(other), []any{"DIGEST_MISMATCH"}},
		"one bit of the program changed": {flipped(t, mine), a.certify(mine), []any{"DIGEST_MISMATCH"}},
		"a revoked program":              {revoked, a.certify(revoked), []any{"REVOKED"}},
		"another system":                 {mine, change(func(c *certificate.Claims) { c.OS = "plan9" }), []any{"PLATFORM"}},
		"an old certificate":             {mine, change(func(c *certificate.Claims) { c.TestedAt = a.clock.Now().Add(-25 * time.Hour) }), []any{"EXPIRED"}},
		"one of tomorrow":                {mine, change(func(c *certificate.Claims) { c.TestedAt = a.clock.Now().Add(time.Hour) }), []any{"NOT_YET_VALID"}},
		"an old suite":                   {mine, change(func(c *certificate.Claims) { c.Suite.Version = "0.9.0" }), []any{"SUITE_TOO_OLD"}},
		"weak evidence":                  {mine, change(func(c *certificate.Claims) { c.Evidence = certificate.Simulated }), []any{"EVIDENCE"}},
		"another profile":                {mine, change(func(c *certificate.Claims) { c.Profiles[0].Name = "refunds" }), []any{"PROFILE_MISSING"}},
		"another manifest":               {mine, change(func(c *certificate.Claims) { c.Manifest = strings.Repeat("0", 64) }), []any{"MANIFEST_MISMATCH"}},
		"an operation beyond":            {mine, change(func(c *certificate.Claims) { c.Declared, c.Operations = sdk.Operations{sdk.OpVoid}, nil }), []any{"CAP_NOT_CERTIFIED"}},
		"two things at once": {mine, change(func(c *certificate.Claims) { c.Evidence, c.Suite.Version = certificate.Simulated, "0.9.0" }),
			[]any{"SUITE_TOO_OLD", "EVIDENCE"}},
	} {
		status, answer := r.installCertified(tt.file, tt.cert)
		refused(t, name, status, answer, tt.reasons...)
	}
	status, answer := r.install(mine)
	refused(t, "no certificate", status, answer, "NO_CERT")
	if left := r.Releases(); len(left) != 0 {
		t.Fatalf("installed: %v", left)
	}

	status, made := r.installCertified(mine, a.certify(mine))
	if status != http.StatusOK {
		t.Fatalf("a certified program: %d %v", status, made)
	}
	certified(t, made)
	r.want(http.StatusOK, "POST", path("/activate"), `{"release":"`+digestOf(t, made)+`"}`)
	r.serves(digestOf(t, made))
	certified(t, r.want(http.StatusOK, "GET", path(""), ""))
	if !strings.Contains(r.log.String(), "connector certified") {
		t.Errorf("the log does not say who certified: %s", r.log)
	}
}

// certified fails unless an answer says so, by whom, and until when.
func certified(t *testing.T, answer map[string]any) {
	t.Helper()
	c, _ := answer["certification"].(map[string]any)
	signer, _ := c["signer"].(string)
	if c["admitted"] != true || !strings.HasPrefix(signer, "authority (key ") || c["expires_at"] != "2026-03-02T12:00:00Z" ||
		!cmp.Equal(c["findings"], []any{}) || !cmp.Equal(c["profiles"], []any{"core@1"}) || c["passed"] != 1.0 {
		t.Errorf("certification %v", c)
	}
}

// flipped is a copy of a program with one bit changed.
func flipped(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	path := t.TempDir() + "/flipped"
	if err := os.WriteFile(path, text, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func otherSignature(raw []byte) []byte {
	at := bytes.Index(raw, []byte(`"sig":"`)) + len(`"sig":"`)
	changed := bytes.Clone(raw)
	if changed[at]++; changed[at] > 'Z' {
		changed[at] = 'A'
	}
	return changed
}

// A certificate counts at every start. What runs goes on; what would run next is judged
// by the certificate that is there then.
func TestCertificatesAreJudgedAtEveryStart(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	first, second := program(t, "first"), program(t, "second")
	r := startWith(t, a.config(certificate.Enforce), dir)
	var digests []string
	for _, file := range []string{first, second} {
		status, made := r.installCertified(file, a.certify(file))
		if status != http.StatusOK {
			t.Fatalf("installing: %d %v", status, made)
		}
		digests = append(digests, digestOf(t, made))
	}
	r.want(http.StatusOK, "POST", path("/activate"), `{"release":"`+digests[0]+`"}`)

	a.clock.advance(25 * time.Hour)
	for what, order := range map[string][2]string{
		"a swap": {path("/swap"), `{"release":"` + digests[1] + `"}`}, "a restart": {path("/restart"), ""},
	} {
		status, answer := r.operate(http.MethodPost, order[0], strings.NewReader(order[1]))
		refused(t, what, status, answer, "EXPIRED")
		r.serves(digests[0])
	}
	r.end()

	again := startWith(t, a.config(certificate.Enforce), dir)
	if is := again.Connectors()[0]; is.State != "rejected" || is.PID != 0 || !strings.Contains(is.Cause, "EXPIRED") {
		t.Errorf("after a restart of the host: %+v", is)
	}
	behind, rejected := again.step(0), again.step(1)
	if rejected["fault"] != "not_certified" || !cmp.Equal(rejected["reasons"], []any{"EXPIRED"}) || behind["to"] != "behind" {
		t.Errorf("history ends with %v and %v", rejected, behind)
	}
	refusedAs := rejected["generation"]
	status, answer := again.operate(http.MethodPost, path("/activate"), strings.NewReader(`{"release":"`+digests[0]+`"}`))
	refused(t, "activating", status, answer, "EXPIRED")

	status, answer = again.operate(http.MethodPut, "/v1/releases/"+digests[0]+"/certificate", bytes.NewReader(a.certify(second)))
	refused(t, "the certificate of the other", status, answer, "DIGEST_MISMATCH")
	again.want(http.StatusOK, "PUT", "/v1/releases/"+digests[0]+"/certificate", string(a.certify(first)))
	eventually(t, "the new certificate is a new chance", func() error {
		if is := again.Connectors()[0]; is.State != supervise.Serving {
			return fmt.Errorf("%+v", is)
		}
		return nil
	})
	again.serves(digests[0])
	// Refused when the host started, refused to the operator, and then let in: what was
	// refused once is not started again and again.
	if serves := again.step(0); serves["generation"].(float64) != refusedAs.(float64)+2 {
		t.Errorf("refused as generation %v, it serves as %v", refusedAs, serves["generation"])
	}
}

// step is one of the newest steps in the connector's history; 0 is the newest.
func (r *running) step(back int) map[string]any {
	r.t.Helper()
	items := r.want(http.StatusOK, "GET", path("/history"), "")["items"].([]any)
	return items[back].(map[string]any)["context"].(map[string]any)
}

// Who warns tells what enforcing would refuse, and serves.
func TestWarningTellsAndServes(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	r := startWith(t, a.config(certificate.Warn), dir, program(t, "mine"))
	r.serves(r.Releases()[0].Digest)
	shown := r.want(http.StatusOK, "GET", path(""), "")["certification"].(map[string]any)
	finding := shown["findings"].([]any)[0].(map[string]any)
	if shown["admitted"] != true || shown["mode"] != "warn" || finding["reason"] != "NO_CERT" {
		t.Errorf("certification %v", shown)
	}
	told := 0
	for _, item := range r.want(http.StatusOK, "GET", path("/history"), "")["items"].([]any) {
		step := item.(map[string]any)
		if context := step["context"].(map[string]any); step["name"] == "uncertified" && cmp.Equal(context["reasons"], []any{"NO_CERT"}) {
			told++
		}
	}
	if told != 1 || !strings.Contains(r.log.String(), "connector uncertified") {
		t.Errorf("history tells %d times, log %s", told, r.log)
	}
	if status, _ := r.page(r.ConsoleLink()); status >= http.StatusBadRequest {
		t.Errorf("console answers %d", status)
	}
	digest := r.Releases()[0].Digest
	lie := a.certify(program(t, "mine"), func(c *certificate.Claims) { c.Manifest = strings.Repeat("0", 64) })
	r.want(http.StatusOK, "PUT", "/v1/releases/"+digest+"/certificate", string(lie))
	r.end()

	described := startWith(t, a.config(certificate.Enforce), dir)
	if is := described.Connectors()[0]; is.State != "rejected" || !strings.Contains(is.Cause, "MANIFEST_MISMATCH") {
		t.Errorf("described otherwise than when it was tested: %+v", is)
	}
	described.end()
	if err := os.Remove(dir + "/releases/" + digest + "/certificate.json"); err != nil {
		t.Fatal(err)
	}

	keyless := a.config("") // which enforces
	keyless.Connectors.Certification.Keys = nil
	strict := startWith(t, keyless, dir)
	if !strings.Contains(strict.log.String(), "nobody's certificates are trusted") {
		t.Errorf("the log does not say why nothing serves: %s", strict.log)
	}
	if is := strict.Connectors()[0]; is.State != "rejected" || is.PID != 0 || !strings.Contains(is.Cause, "NO_CERT") {
		t.Errorf("where certificates are enforced: %+v", is)
	}
}

func TestCertificatesOfNothing(t *testing.T) {
	a := newAuthority(t)
	r := startWith(t, a.config(certificate.Warn), t.TempDir(), program(t, "mine"))
	digest := r.Releases()[0].Digest
	at := "/v1/releases/" + digest + "/certificate"
	r.want(http.StatusNotFound, "PUT", "/v1/releases/"+strings.Repeat("0", 64)+"/certificate", "x")
	r.want(http.StatusNotFound, "GET", "/v1/releases/"+strings.Repeat("0", 64)+"/certificate", "")
	r.want(http.StatusBadRequest, "PUT", at, "")
	r.want(http.StatusRequestEntityTooLarge, "PUT", at, strings.Repeat("x", certificate.MaxSize+1))
	if told := r.want(http.StatusOK, "PUT", at, "x"); told["findings"].([]any)[0].(map[string]any)["reason"] != "MALFORMED" {
		t.Errorf("a certificate of nothing is %v", told)
	}
	for name, body := range map[string]string{
		"no part":        "--b--\r\n",
		"another part":   "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nx\r\n--b--\r\n",
		"only the proof": "--b\r\nContent-Disposition: form-data; name=\"certificate\"\r\n\r\nx\r\n--b--\r\n",
		"two proofs":     strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"certificate\"\r\n\r\nx\r\n", 2) + "--b--\r\n",
		"half a part":    "--b\r\nContent-Disposition: form-data; name=\"connector\"\r\n\r\nx",
	} {
		status, answer := r.operateAs(http.MethodPost, "/v1/releases", "multipart/form-data; boundary=b", strings.NewReader(body))
		if status < 400 || len(r.Releases()) != 1 {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}
