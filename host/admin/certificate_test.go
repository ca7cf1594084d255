package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// good is how a release stands that was certified, but for refunds.
func good() certificate.Judgement {
	return certificate.Judgement{
		Mode: certificate.Enforce, Admitted: true, Findings: []certificate.Finding{}, Withheld: []string{"refund"},
		Signer: "authority (key 0123)", SignerKey: "0123", ExpiresAt: noon.Add(time.Hour),
		Claims: &certificate.Claims{
			Suite:    certificate.Suite{Name: "conform", Version: "1.0.0"},
			Profiles: []certificate.Profile{{Name: "core", Version: 2}, {Name: "webhooks", Version: 1}},
			Evidence: certificate.Simulated, TestedAt: noon.Add(-48 * time.Hour),
			Tests: certificate.Tests{Passed: []string{"a", "b"}, Warned: []string{"c"}},
		},
	}
}

var findings = []certificate.Finding{{Reason: certificate.Expired, Detail: "it was tested long ago"}}

func notCertified() error { return &certificate.RefusedError{Findings: findings} }

const form = "multipart/form-data; boundary=b"

func part(name, text string) string {
	return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q; filename=%q\r\n\r\n%s\r\n", name, name, text)
}

func TestInstallTakesTheCertificateToo(t *testing.T) {
	w := newWorld(t)
	w.host.judgement = good()
	body := part("certificate", "signed") + part("connector", "\x7fELF and so on") + "--b--\r\n"
	made := w.send("POST", "/v1/releases", body, "Content-Type", form).want(http.StatusOK).object()
	if string(w.host.installed) != "\x7fELF and so on" || string(w.host.certified) != "signed" {
		t.Errorf("installed %q with %q", w.host.installed, w.host.certified)
	}
	if dig(made, "digest") != acme.Digest || dig(made, "certification", "signer") != "authority (key 0123)" {
		t.Errorf("answer %v", made)
	}
	w.send("POST", "/v1/releases", "alone").want(http.StatusOK)
	if w.host.certified != nil {
		t.Errorf("a binary alone came with %q", w.host.certified)
	}
	w.host.installed = nil
	for name, body := range map[string]string{
		"certificate after":  part("connector", "x")[:30] + part("certificate", "x"),
		"an empty one":       part("certificate", "") + part("connector", "x") + "--b--\r\n",
		"a huge one":         part("certificate", strings.Repeat("x", certificate.MaxSize+1)) + part("connector", "x") + "--b--\r\n",
		"two":                part("certificate", "x") + part("certificate", "x") + part("connector", "x") + "--b--\r\n",
		"a stranger's part":  part("certificat", "x") + part("connector", "x") + "--b--\r\n",
		"no binary":          part("certificate", "x") + "--b--\r\n",
		"an empty binary":    part("certificate", "x") + part("connector", "") + "--b--\r\n",
		"nothing":            "",
		"a binary cut short": part("certificate", "x") + "--b\r\nContent-Disposition: form-data; name=\"connector\"\r\n\r\nx",
	} {
		got := w.send("POST", "/v1/releases", body, "Content-Type", form)
		if got.status < 400 || w.host.installed != nil {
			t.Errorf("%s: %d %s, installed %q", name, got.status, got.text, w.host.installed)
		}
	}
}

func TestACertificateIsSentLater(t *testing.T) {
	w := newWorld(t)
	w.host.judgement = good()
	at := "/v1/releases/" + acme.Digest + "/certificate"
	told := w.send("PUT", at, "signed").want(http.StatusOK).object()
	if w.host.did() != "certify "+acme.Digest || string(w.host.certified) != "signed" || dig(told, "passed") != 2.0 ||
		dig(told, "profiles", 1) != "webhooks@1" || dig(told, "withheld", 0) != "refund" || dig(told, "warned", 0) != "c" {
		t.Errorf("the host did %q with %q and told %v", w.host.did(), w.host.certified, told)
	}
	w.send("GET", at, nil).want(http.StatusOK).says(`"suite":"conform 1.0.0"`, `"evidence":"simulated"`)
	w.send("GET", "/v1/releases/abc/certificate", nil).want(http.StatusNotFound)
	w.send("PUT", at, "").want(http.StatusBadRequest)
	w.send("PUT", at, strings.Repeat("x", certificate.MaxSize+1)).want(http.StatusRequestEntityTooLarge)
	w.host.fail = notCertified()
	w.send("PUT", at, "signed").want(http.StatusUnprocessableEntity).says(`"code":"not_certified"`, `"reasons":["EXPIRED"]`)
	w.host.fail = fleet.ErrNotInstalled
	w.send("PUT", at, "signed").want(http.StatusNotFound).silent("reasons")
	w.host.fail = errors.New("disk")
	w.send("PUT", at, "signed").want(http.StatusInternalServerError)
}

// A refusal has its words, whatever was asked for.
func TestWhatIsNotCertifiedIsRefusedInWords(t *testing.T) {
	w := newWorld(t)
	w.host.fail = notCertified()
	w.send("POST", "/v1/releases", "x").want(http.StatusUnprocessableEntity).says(`"code":"not_certified"`, `"reasons":["EXPIRED"]`, "long ago")
	w.host.fail = fmt.Errorf("%w: %w", supervise.ErrRefused, notCertified())
	for _, path := range []string{"swap", "activate"} {
		w.send("POST", "/v1/connectors/acme/"+path, `{"release":"1.2.0"}`).want(http.StatusConflict).
			says(`"code":"not_certified"`, `"reasons":["EXPIRED"]`)
	}
}

func TestConsoleShowsHowAReleaseStands(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*certificate.Judgement)
		says   []string
		silent string
	}{
		"certified": {func(*certificate.Judgement) {}, []string{
			"certified</span>", "authority (key 0123)", "core@2, webhooks@1", "2 cases", "2 days ago", "conform 1.0.0",
			"simulated", "counts until", "withheld", "refund",
		}, "enforcing would"},
		"only warned of": {func(j *certificate.Judgement) {
			*j = certificate.Judgement{Mode: certificate.Warn, Admitted: true, Findings: findings}
		}, []string{"not certified</span>", "enforcing would refuse it", "EXPIRED", "tested long ago"}, "signed by"},
		"refused": {func(j *certificate.Judgement) {
			*j = certificate.Judgement{Mode: certificate.Enforce, Findings: findings}
		}, []string{"refused</span>", "EXPIRED", "tested long ago"}, "enforcing would"},
		"not looked at": {func(j *certificate.Judgement) {
			*j = certificate.Judgement{Mode: certificate.Off, Admitted: true}
		}, []string{"not looked at</span>", "policy: off"}, "signed by"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.host.judgement = good()
			tt.change(&w.host.judgement)
			w.operator().get("/console/connectors/acme").want(http.StatusOK).says(tt.says...).silent(tt.silent)
			w.operator().get("/console").want(http.StatusOK).says(tt.says[0])
		})
	}
}
