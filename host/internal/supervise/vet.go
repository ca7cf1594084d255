package supervise

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk"
)

// A LossError says that a release cannot do what the one in use can.
type LossError struct {
	Lost []string // such as "operation void", "country JP"
}

// Error lists what would be lost.
func (e *LossError) Error() string {
	return "it would take away what is in use: " + strings.Join(e.Lost, ", ")
}

// vet says why a process that describes itself so must not serve as release.
func vet(release fleet.Release, described sdk.Description) error {
	if name := described.Manifest.Name; name != release.Name {
		return faulty(FaultConnector, fmt.Errorf("it says that its name is %.60q, not %q", name, release.Name))
	}
	if err := speaks(described.Manifest.Contract); err != nil {
		return err
	}
	if !release.Describes(described) {
		return faulty(FaultDescribed, fmt.Errorf("it describes itself otherwise than when it was installed: %s",
			strings.Join(differences(release.Description, described), ", ")))
	}
	return nil
}

// keeps says that what is in use would be lost.
func keeps(inUse, admitted sdk.Description) error {
	if lost := Lost(inUse, admitted); len(lost) > 0 {
		return faulty(FaultCapability, &LossError{Lost: lost})
	}
	return nil
}

// Lost lists what a connector that describes itself as before can do and one that
// describes itself as after cannot. A duty that is new counts too. What is in use is
// not known in detail, so all that is offered counts as used.
func Lost(before, after sdk.Description) []string {
	b, a := before.Manifest, after.Manifest
	lost := slices.Concat(
		missing("operation %s", before.Operations, after.Operations),
		missing("payment method %+v", b.Methods, a.Methods),
		missing("country %s", b.Countries, a.Countries),
		missing("currency %+v", b.Currencies, a.Currencies),
		missing("capture mode %s", b.CaptureModes, a.CaptureModes),
	)
	if b.RefundScope != "" && b.RefundScope != a.RefundScope {
		lost = append(lost, fmt.Sprintf("refund scope %s", b.RefundScope))
	}
	return append(lost, lostFeatures(b.Features, a.Features)...)
}

func missing[T comparable](format string, before, after []T) []string {
	var lost []string
	for _, v := range before {
		if !slices.Contains(after, v) {
			lost = append(lost, fmt.Sprintf(format, v))
		}
	}
	return lost
}

// duties are the features that ask something of the caller instead of offering it.
var duties = map[string]bool{"cart_matches_amount": true}

// lostFeatures looks at every field there is, so that a feature that is added to the
// contract is compared without anybody's help.
func lostFeatures(before, after sdk.Features) []string {
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	var lost []string
	for i := range b.NumField() {
		had, has, name := b.Field(i).Bool(), a.Field(i).Bool(), jsonName(b.Type().Field(i))
		switch {
		case duties[name] && has && !had:
			lost = append(lost, "freedom from "+name)
		case !duties[name] && had && !has:
			lost = append(lost, "feature "+name)
		}
	}
	return lost
}

// differences names the facts that differ.
func differences(installed, now sdk.Description) []string {
	b, a := reflect.ValueOf(installed.Manifest), reflect.ValueOf(now.Manifest)
	var names []string
	for i := range b.NumField() {
		if !sameJSON(b.Field(i).Interface(), a.Field(i).Interface()) {
			names = append(names, jsonName(b.Type().Field(i)))
		}
	}
	if !slices.Equal(installed.Operations, now.Operations) {
		names = append(names, "operations")
	}
	return names
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
