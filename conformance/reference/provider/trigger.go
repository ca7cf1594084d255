package provider

import "strings"

// Amounts, in minor units of any currency, that make something other than an approval
// happen. An instrument that is named ins_test_ and a decline's reason does so for
// any amount.
const (
	// FirstDeclined and the amounts after it are declined, each for another reason of
	// [DeclineReasons].
	FirstDeclined = 77_101
	// HalfApproved is authorized for half of what was asked for.
	HalfApproved = 77_201
	// Challenged sends the buyer of a direct method to a page first.
	Challenged = 77_202
	// ReviewedThenApproved is decided after a minute.
	ReviewedThenApproved = 77_203
	// ReviewedThenDeclined is, too.
	ReviewedThenDeclined = 77_204
	// SlowMove is a capture or refund that takes a minute.
	SlowMove = 77_301
	// FailingMove is one that takes a minute and then fails.
	FailingMove = 77_302
	// BouncingRefund succeeds at once, and comes back after an hour.
	BouncingRefund = 77_303
)

// A decline is a reason with what the card network says beside it.
type decline struct{ reason, network, advice string }

// declines are every reason that there is. The order is part of the description:
// amounts count it.
var declines = []decline{
	{"insufficient_funds", "51", "02"},
	{"over_limit", "61", "02"},
	{"too_many_attempts", "65", "02"},
	{"issuer_unavailable", "91", "02"},
	{"try_again_later", "19", "02"},
	{"do_not_honor", "05", ""},
	{"account_closed", "46", "03"},
	{"lost_card", "41", "03"},
	{"stolen_card", "43", "03"},
	{"pick_up_card", "04", "03"},
	{"restricted_card", "62", "03"},
	{"not_permitted", "57", "03"},
	{"expired_card", "54", "01"},
	{"invalid_card_number", "14", "01"},
	{"wrong_security_code", "82", "01"},
	{"wrong_pin", "55", "01"},
	{"address_mismatch", "Z3", "01"},
	{"authorization_revoked", "R1", "03"},
	{"authentication_required", "1A", ""},
	{"authentication_failed", "", ""},
	{"fraud_suspected", "59", ""},
	{"blocked_by_provider", "", ""},
	{"blocked_by_merchant", "", ""},
	{"sanctioned", "", ""},
	{"credit_refused", "", ""},
	{"credit_limit", "", ""},
	{"not_eligible", "", ""},
	{"order_refused", "", ""},
	{"declined", "", ""},        // for no reason that has a name
	{"lunar_eclipse", "99", ""}, // for a reason that is in no documentation
}

// DeclineReasons lists the reasons, in the order of the amounts from [FirstDeclined].
func DeclineReasons() []string {
	reasons := make([]string, len(declines))
	for i, d := range declines {
		reasons[i] = d.reason
	}
	return reasons
}

const testInstrument = "ins_test_"

// declineFor returns why an amount or an instrument is declined, or "".
func declineFor(minor int64, instrument string) string {
	if i := minor - FirstDeclined; i >= 0 && i < int64(len(declines)) {
		return declines[i].reason
	}
	for _, d := range declines {
		if instrument == testInstrument+d.reason {
			return d.reason
		}
	}
	return ""
}

// known reports whether a name is that of an instrument which every merchant has.
func known(instrument string) bool {
	name, ok := strings.CutPrefix(instrument, testInstrument)
	return ok && (name == "good" || declineFor(0, instrument) != "")
}
