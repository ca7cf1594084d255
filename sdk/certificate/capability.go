package certificate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/connectorhost/connectorhost/sdk"
)

// ManifestDigest is the SHA-256, in hex, of a manifest's JSON form. Operations are not
// in it: claims list them.
func ManifestDigest(m sdk.Manifest) (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("digest of the manifest of %s: %w", m.Name, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Features lists the features of a manifest that hold, by their JSON names.
func Features(f sdk.Features) []string {
	var names []string
	for name, on := range features(&f) {
		if *on {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func features(f *sdk.Features) map[string]*bool {
	all := permissions(f)
	maps.Copy(all, map[string]*bool{
		"partial_authorization": &f.PartialAuthorization,
		"cart_matches_amount":   &f.CartMatchesAmount,
	})
	return all
}

// permissions are the features that let a host ask for more, or conclude more. The
// others ask something of the host: without them it would do what it should not.
func permissions(f *sdk.Features) map[string]*bool {
	return map[string]*bool{
		"partial_capture":            &f.PartialCapture,
		"multiple_capture":           &f.MultipleCapture,
		"over_capture":               &f.OverCapture,
		"partial_refund":             &f.PartialRefund,
		"multiple_refund":            &f.MultipleRefund,
		"settlement_reporting":       &f.SettlementReporting,
		"void_after_partial_capture": &f.VoidAfterPartialCapture,
		"not_found_authoritative":    &f.NotFoundAuthoritative,
	}
}

// clamp leaves of a description what is allowed, and names what it took away. Facts that
// depend on an operation that is gone go with it: nobody is to authorize what cannot be
// captured, or set a webhook up that cannot be read.
func clamp(d sdk.Description, operation func(sdk.Operation) bool, feature func(string) bool) (sdk.Description, []string) {
	var gone []string
	var ops sdk.Operations
	for _, op := range d.Operations {
		if operation(op) {
			ops = append(ops, op)
		} else {
			gone = append(gone, string(op))
		}
	}
	lost := func(op sdk.Operation) bool { return d.Operations.Has(op) && !ops.Has(op) }
	if lost(sdk.OpCapture) {
		d.Manifest.CaptureModes = slices.DeleteFunc(slices.Clone(d.Manifest.CaptureModes), func(m sdk.CaptureMode) bool {
			return m == sdk.CaptureManual
		})
	}
	if lost(sdk.OpReadWebhook) {
		d.Manifest.Webhook = nil
	}
	d.Operations = ops
	var cleared []string
	for name, on := range permissions(&d.Manifest.Features) {
		if *on && !feature(name) {
			*on = false
			cleared = append(cleared, name)
		}
	}
	slices.Sort(cleared)
	return d, append(gone, cleared...)
}
