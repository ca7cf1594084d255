package sdk_test

import (
	"errors"
	"fmt"
	"math"

	"github.com/connectorhost/connectorhost/sdk"
)

// An error reads as a path to its cause, and its code says what to do next.
func ExampleError() {
	err := error(&sdk.Error{
		Op:       "smartpay.Refund",
		Code:     sdk.CodeAmountExceedsRefundable,
		Provider: sdk.Provider{Code: "amount.insufficient"},
		Err:      errors.New("500 left"),
	})
	fmt.Println(err)

	if e, ok := errors.AsType[*sdk.Error](err); ok {
		fmt.Println(e.Category(), e.Outcome(), e.Retry())
	}

	// Output:
	// smartpay.Refund: amount_exceeds_refundable (amount.insufficient): 500 left
	// STATE NOT_ATTEMPTED NEVER
}

// What a write returned is read in one way: nobody takes silence for success.
func ExampleOutcomeOf() {
	fmt.Println(sdk.OutcomeOf(sdk.Answer{Outcome: sdk.OutcomeSucceeded}, nil))
	fmt.Println(sdk.OutcomeOf(sdk.Answer{}, nil))
	fmt.Println(sdk.OutcomeOf(sdk.Answer{}, sdk.Errorf("bank.Void", sdk.CodeConnectRefused, "nobody there")))
	fmt.Println(sdk.OutcomeOf(sdk.Answer{}, errors.New("unexpected EOF")))

	// Output:
	// SUCCEEDED
	// UNKNOWN
	// NOT_ATTEMPTED
	// UNKNOWN
}

// What a connector can do is what it implements.
func ExampleOperationsOf() {
	fmt.Println(sdk.OperationsOf(Piggy{}))
	fmt.Println(sdk.OperationsOf(BankConnector{}))

	// Output:
	// [check_credentials]
	// [authorize find_payment]
}

// Amounts are whole numbers of the minor unit, and no sum wraps around.
func ExampleMoney_Plus() {
	fmt.Println(sdk.JPY(1000).Plus(sdk.JPY(50)))
	fmt.Println(sdk.JPY(1000).Plus(sdk.Money{Minor: 50, Currency: "EUR"}))
	fmt.Println(sdk.JPY(math.MaxInt64).Plus(sdk.JPY(1)))

	// Output:
	// 1050 JPY <nil>
	// 0  adding 50 EUR to 1000 JPY: currencies differ
	// 0  adding 1 JPY to 9223372036854775807 JPY: the sum does not fit
}

// A secret shows itself to nobody who does not ask for it by name.
func ExampleSecret() {
	key := sdk.NewSecret("sk_live_1")
	fmt.Printf("%v %+v %#v %x\n", key, key, key, key)
	fmt.Println(key.Reveal())

	// Output:
	// [secret] [secret] [secret] [secret]
	// sk_live_1
}
