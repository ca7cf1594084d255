package certificate_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

var (
	tested = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now    = tested.Add(24 * time.Hour)
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func newKey(t testing.TB) certificate.PrivateKey {
	t.Helper()
	key, err := certificate.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// described is a connector that can do a little.
func described() sdk.Description {
	return sdk.Description{
		Manifest: sdk.Manifest{
			Name: "acme-pay", Version: "1.2.0", DisplayName: "Acme Pay", Contract: sdk.ContractRange{Min: 1, Max: 1},
			CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual},
			Features:     sdk.Features{PartialCapture: true, PartialRefund: true, CartMatchesAmount: true},
			ConfigSchema: json.RawMessage(`{"type":"object","properties":{}}`),
			Webhook:      &sdk.WebhookFact{Scheme: "hmac", Events: []string{"paid"}},
		},
		Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpCapture, sdk.OpRefund, sdk.OpReadWebhook},
	}
}

// claims are those of a run that certifies the connector whole.
func claims(t testing.TB) certificate.Claims {
	t.Helper()
	d := described()
	manifest, err := certificate.ManifestDigest(d.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Claims{
		Connector: d.Manifest.Name, Version: d.Manifest.Version, Binary: digest("binary"),
		OS: runtime.GOOS, Arch: runtime.GOARCH,
		Suite:    certificate.Suite{Name: "conform", Version: "0.3.0"},
		Profiles: []certificate.Profile{{Name: "refunds", Version: 1, Digest: digest("r")}, {Name: "core", Version: 2, Digest: digest("c")}},
		Fixtures: digest("fixtures"), Report: digest("report"), Evidence: certificate.Recorded, TestedAt: tested,
		Manifest: manifest, Declared: d.Operations, Operations: d.Operations,
		Features: certificate.Features(d.Manifest.Features),
		Tests:    certificate.Tests{Passed: []string{"b/2", "a/1"}, Warned: []string{"c/3"}},
	}
}

func sign(t testing.TB, c certificate.Claims, key certificate.PrivateKey) []byte {
	t.Helper()
	raw, err := certificate.Sign(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
