package keys

import (
	"context"
	"errors"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

const merged = "Two purchases of the same price are two purchases: merged into one, the second goes out unpaid."

// repeatable are the writes that can be done a second time beside the first.
func repeatable(l *suite.Lane) []sdk.Operation {
	f := l.Description.Manifest.Features
	ops := []sdk.Operation{sdk.OpAuthorize, sdk.OpIncrement}
	if f.PartialCapture && f.MultipleCapture {
		ops = append(ops, sdk.OpCapture)
	}
	if f.PartialRefund && f.MultipleRefund {
		ops = append(ops, sdk.OpRefund)
	}
	return ops
}

// apart does every repeatable write under two keys and expects two effects, with names
// of their own. rename makes the keys of a first and a second.
func apart(ctx context.Context, l *suite.Lane, step string, rename func(a, b *deed.Deed)) error {
	deeds, err := deed.Ready(ctx, l, repeatable(l)...)
	if err != nil {
		return err
	}
	return deed.Each(deeds, func(a *deed.Deed) error {
		b := a.Twin()
		rename(a, b)
		before, err := first(ctx, a)
		if err != nil {
			return err
		}
		after := b.Do(ctx)
		if !after.Done() {
			return suite.Brokenf(step, "success", "%s", after)
		}
		if after.Ref != "" && after.Ref == before.Ref {
			return suite.Brokenf(step, "a name of its own", "%q again", after.Ref)
		}
		if a.Reference() == b.Reference() {
			return a.Took(ctx, step, 2)
		}
		return errors.Join(a.Took(ctx, step, 1), b.Took(ctx, step, 1))
	})
}

var otherKeys = suite.Case{
	ID: "keys/two-keys", Requirement: "PC-IDEM-005", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "The same write under two keys has two effects: nothing is merged by its content.", Why: merged,
	Run: func(ctx context.Context, l *suite.Lane) error {
		return apart(ctx, l, "asking for the same under another key", func(_, _ *deed.Deed) {})
	},
}

var lastCharacter = suite.Case{
	ID: "keys/last-character", Requirement: "PC-IDEM-006", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "Two keys that differ in their last character alone are two keys.",
	Why:  "A key that is cut short makes one write of two.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return apart(ctx, l, "asking under a key that differs in its last character", func(a, b *deed.Deed) {
			stem := a.Call.Key[:len(a.Call.Key)-1]
			a.Call.Key, b.Call.Key = stem+"a", stem+"b"
		})
	},
}

// maxKey is the longest key of the contract.
const maxKey = 64

var longestKey = suite.Case{
	ID: "keys/longest", Requirement: "PC-IDEM-006", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "Keys of 64 characters are taken, and their last character counts.",
	Why:  "A provider that takes shorter keys needs a digest of ours, not its beginning.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return apart(ctx, l, "asking under a key of 64 characters", func(a, b *deed.Deed) {
			stem := string(a.Call.Key) + strings.Repeat("x", maxKey)
			a.Call.Key = sdk.IdempotencyKey(stem[:maxKey-1] + "a")
			b.Call.Key = sdk.IdempotencyKey(stem[:maxKey-1] + "b")
		})
	},
}

var alphabet = suite.Case{
	ID: "keys/case-and-punctuation", Requirement: "PC-IDEM-006", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "Keys that differ in upper and lower case, or in - and _, alone are different keys.",
	Why:  "A key that is folded on its way makes one write of two.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return errors.Join(
			apart(ctx, l, "asking under a key that differs in case", func(a, b *deed.Deed) {
				a.Call.Key, b.Call.Key = a.Call.Key+"-k_x", a.Call.Key+"-K_x"
			}),
			apart(ctx, l, "asking under a key that differs in punctuation", func(a, b *deed.Deed) {
				a.Call.Key, b.Call.Key = a.Call.Key+"-k-x", a.Call.Key+"-k_x"
			}),
		)
	},
}
