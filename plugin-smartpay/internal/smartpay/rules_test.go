package smartpay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// A rule is something that must hold of the connector, and the tests that fail when it
// does not. A test of another package is named with it.
type rule struct {
	says    string
	tests   string // separated by blanks
	without string // why there can be none
}

// A chapter is the rules about one thing.
type chapter struct {
	title string
	rules []rule
}

// neighbours are the packages whose tests a rule may name.
var neighbours = map[string]string{
	"": ".", "api": "../api", "sandbox": "../sandbox", "sdk": "../../../sdk", "guard": "../../../sdk/internal/guard",
	"settle": "../../../host/internal/settle",
}

var rules = []chapter{
	{"Amounts", []rule{
		{
			says:  "Smartpay is told exactly the yen that were asked for.",
			tests: "TestAmountsArriveToTheYen TestBooksBalanceWhateverHappens",
		},
		{
			says:  "A thousand yen are the number 1000, not a text, a fraction or a hundredfold.",
			tests: "TestRequestsAreWrittenTheSameWayForEver api.TestWriteOnTheWire",
		},
		{
			says:  "Nothing, and less than nothing, is refused.",
			tests: "TestRequestsThatAreRefusedBeforeTheyAreSent TestOtherOperationsRefusedBeforeTheyAreSent TestAmountsBeyondDoubles",
		},
		{
			says:  "Amounts beyond what a double holds are refused, never rounded, in requests and in answers.",
			tests: "TestAmountsBeyondDoubles TestRequestsThatAreRefusedBeforeTheyAreSent TestAnswersThatDifferFromWhatWasAsked",
		},
		{
			says:  "An amount in another currency is refused before anything is sent.",
			tests: "TestRequestsThatAreRefusedBeforeTheyAreSent TestOtherOperationsRefusedBeforeTheyAreSent",
		},
		{
			says:  "After every step captures are within the hold, refunds within the captures, and what is released is the rest.",
			tests: "TestBooksBalanceWhateverHappens FuzzSnapshot",
		},
		{
			says:  "Captures and refunds add up to the totals of a lookup.",
			tests: "TestBooksBalanceWhateverHappens TestRefundsHangOnTheirCapture",
		},
		{
			says:  "Capturing all that is left closes a payment, a yen less leaves it open.",
			tests: "TestBooksBalanceWhateverHappens TestCaptureThatKeepsTheRemainder",
		},
		{
			says:  "A step that is refused changes no amount.",
			tests: "TestBooksBalanceWhateverHappens TestStateErrorsMoveNothing",
		},
		{
			says:  "The amount reported is the one that Smartpay reports; where that is less than was asked, it is a mismatch.",
			tests: "TestAmountThatSmartpayTellsWrongly TestAnswersThatDifferFromWhatWasAsked",
		},
		{
			says:  "Another amount or currency than asked for is in doubt, never a success.",
			tests: "TestAmountThatSmartpayTellsWrongly TestAnswersThatDifferFromWhatWasAsked TestAdviceFollowedAfterEveryFault",
		},
		{
			says:  "A cart that does not come to the amount is refused, never adjusted.",
			tests: "TestCartsThatAreRefused TestBasketComesToTheAmount",
		},
		{
			says:  "An amount that an answer leaves out is absent, not zero.",
			tests: "TestAmountsThatAreLeftOut TestWhatEventsMean TestRefundThatCannotBeReadYet api.TestOrderInEitherForm",
		},
		{
			says:    "Currencies with decimals are transmitted in their own unit.",
			without: "Smartpay has yen only, which have no decimals",
		},
	}},
	{"States", []rule{
		{
			says:  "Lookups, answers and events only ever show a way that the state machine has.",
			tests: "TestBooksBalanceWhateverHappens TestEventsAndLookupsAgree",
		},
		{
			says:  "The state is what the amounts leave room for.",
			tests: "TestBooksBalanceWhateverHappens",
		},
		{
			says:  "After the end every step that moves money is refused for its state, and nothing moves.",
			tests: "TestBooksBalanceWhateverHappens TestVoidOfAHold",
		},
		{
			says:  "Capturing or voiding before approval, capturing after a void, voiding what is captured: refused, nothing changed.",
			tests: "TestStateErrorsMoveNothing TestVoidOfAHold TestAutomaticCapture TestBooksBalanceWhateverHappens",
		},
		{
			says:  "After a refused step a legal one still succeeds.",
			tests: "TestBooksBalanceWhateverHappens TestCaptureThatKeepsTheRemainder TestRefundsHangOnTheirCapture",
		},
		{
			says:  "Automatic capture ends captured, manual capture ends held.",
			tests: "TestWhatAModeEndsIn TestAutomaticCapture",
		},
		{
			says:  "A status means the same state in an answer, a lookup and an event.",
			tests: "TestOneWordOneStateOnEveryPath",
		},
		{
			says:  "A status that nobody documented is unknown, and kept as it came.",
			tests: "TestOneWordOneStateOnEveryPath TestUnlistedValuesStayUnknown TestAnswersThatDifferFromWhatWasAsked",
		},
		{
			says:  "Every documented status has its row.",
			tests: "TestEveryDocumentedValueHasItsRow TestTablesInMarkdown",
		},
		{
			says:  "A hold that has lapsed is reported as expired, and capturing it is refused.",
			tests: "TestLapsedHoldsAreExpired TestHoldThatLapses TestBooksBalanceWhateverHappens",
		},
		{
			says:  "A lookup that lags behind does not look newer than what was seen.",
			tests: "TestLaggingAnswerIsNotNewer TestRevisionGrowsWithARefund",
		},
		{
			says:    "A refund that bounces makes its amount refundable again.",
			without: "Smartpay's refunds are final: its table of statuses has none for a bounce",
		},
	}},
	{"Idempotency", []rule{
		{
			says:  "The same write with one key, sent again and again, has one effect and one result.",
			tests: "TestOneKeyMeansOneEffectAndOneResult",
		},
		{
			says:  "The same write with one key, sent 32 times at once, has one effect and one result.",
			tests: "TestOneKeyManyAtOnce TestOneKeyHasOneEffect",
		},
		{
			says:  "While a key is in use another use of it is told so.",
			tests: "TestKeyInUse",
		},
		{
			says:  "One key with two bodies is a conflict, and has no second effect.",
			tests: "TestOneKeyTwoBodiesIsAConflict",
		},
		{
			says:  "Two keys with one body have two effects.",
			tests: "TestTwoKeysMeanTwoEffects",
		},
		{
			says:  "Captures, voids and refunds carry a key as authorizations do.",
			tests: "TestWritesAnswerWhatIsHopedFor api.TestWriteWithoutIdempotencyKeyIsNotSent",
		},
		{
			says:  "An answer is lost: the same key again tells the result, and there is one effect.",
			tests: "TestLostAnswerThenTheSameKey",
		},
		{
			says:  "An answer is lost and the process starts anew: the same, for nothing rests on memory.",
			tests: "TestLostAnswerThenTheSameKey",
		},
		{
			says:  "An error that is kept under a key stays in doubt there; a new key succeeds, and there is one effect.",
			tests: "TestErrorKeptUnderAKey",
		},
		{
			says:  "The key that is sent is the host's, whole, and two that differ in the last character differ.",
			tests: "TestKeyIsHandedOnAsItIs",
		},
		{
			says:  "A key lasts as long as the manifest says; beyond that the host looks the payment up instead.",
			tests: "TestKeysLastAsLongAsTheManifestSays",
		},
		{
			says:  "Lookups carry no key and change nothing, however often.",
			tests: "TestLookupsChangeNothing api.TestReadOnTheWire",
		},
		{
			says:  "A write is sent once, whatever the connection does.",
			tests: "api.TestWriteIsSentOnceWhateverTheConnectionDoes api.TestWriteIsSentOnceOverHTTP2 api.TestBodyIsHandedOutOnce",
		},
		{
			says:  "The same request is the same bytes.",
			tests: "TestRequestsAreWrittenTheSameWayForEver TestTheSameRequestIsTheSameBytes",
		},
	}},
	{"Doubt, deadlines, giving up", []rule{
		{
			says:  "No answer is doubt within the deadline, not a decline.",
			tests: "TestAdviceFollowedAfterEveryFault TestWritesTellTheTruthWhateverComesBack",
		},
		{
			says:  "No connection, no name, no TLS: nothing has happened.",
			tests: "TestWhatNeverLeftThisMachine api.TestProvablyNotSent api.TestUnresolvableHostIsNotSent",
		},
		{
			says:  "A connection that breaks after the request is doubt.",
			tests: "TestAdviceFollowedAfterEveryFault api.TestInDoubt",
		},
		{
			says:  "An answer cut short, or slower than the deadline, is doubt.",
			tests: "TestAdviceFollowedAfterEveryFault api.TestInDoubt",
		},
		{
			says:  "A 5xx leaves a write in doubt, and a lookup without an answer.",
			tests: "TestAdviceFollowedAfterEveryFault TestReadsThatFailAreErrorsAndNotFindings",
		},
		{
			says:  "A success that is empty, null, HTML or of wrong types is doubt for a write and an error for a lookup.",
			tests: "TestAdviceFollowedAfterEveryFault TestReadsThatFailAreErrorsAndNotFindings api.TestForeignAnswerIsRefused FuzzSnapshot api.FuzzOrderAnswer",
		},
		{
			says:  "Too many calls: nothing has happened, and the wait is the one that was named, in seconds or as a date.",
			tests: "TestWaitGivenAsADate TestWritesTellTheTruthWhateverComesBack api.TestRefusals",
		},
		{
			says:  "A call that is too late is not sent.",
			tests: "TestPastDeadlineSendsNothing api.TestContextOverBeforeTheCall",
		},
		{
			says:  "A call that is given up returns at once, in doubt, and leaves nothing behind.",
			tests: "TestCallsThatAreGivenUpLeaveNothingBehind TestCallerWhoGivesUpHearsAtOnce api.TestCancelledCallReturnsAtOnce",
		},
		{
			says:  "The connector answers before its caller stops listening.",
			tests: "TestConnectorAnswersFirst TestReserve",
		},
		{
			says:  "What is in doubt is found by our reference alone.",
			tests: "TestAdviceFollowedAfterEveryFault TestFoundByOurReferenceAlone TestSearchIsBoundedAndNeverGuesses",
		},
		{
			says:  "What cannot be seen yet is found once the manifest's delay has passed.",
			tests: "TestWhatCannotBeSeenYetIsFoundLater",
		},
		{
			says:  "A lookup that fails says nothing about the payment.",
			tests: "TestReadsThatFailAreErrorsAndNotFindings TestNotFoundOfSomethingElse",
		},
		{
			says:  "What Smartpay completes after the host gave up shows in the next lookup, once.",
			tests: "TestLateApprovalShows TestAdviceFollowedAfterEveryFault",
		},
	}},
	{"Webhooks", []rule{
		{
			says:  "A genuine delivery is believed; with any one bit of body, signature, time or secret flipped it is not.",
			tests: "TestVectorsOfOfficialClients TestEveryFlippedBitIsNoticed TestEveryBitOfALongDelivery",
		},
		{
			says:  "A signature that is missing, empty, there twice or marked with an algorithm is refused.",
			tests: "TestUntrustworthyDeliveries TestDeliveriesThatTheStandInSpoils",
		},
		{
			says:  "Without a secret nothing is believed.",
			tests: "TestUntrustworthyDeliveries",
		},
		{
			says:  "The exact bytes are what is signed.",
			tests: "TestUntrustworthyDeliveries FuzzReadWebhook",
		},
		{
			says:  "Header names match in any case; values are not trimmed into validity.",
			tests: "TestDeliveriesThatAreStillGood TestUntrustworthyDeliveries",
		},
		{
			says:  "The tolerance of time is kept to the second, and to the millisecond.",
			tests: "TestEdgeOfTheTolerance",
		},
		{
			says:  "During a rotation either secret will do, and a third will not.",
			tests: "TestThirdSecretDuringARotation TestDeliveriesThatAreStillGood",
		},
		{
			says:  "Signatures are compared in constant time.",
			tests: "TestClaimedSignatureIsComparedInConstantTime",
		},
		{
			says:  "What is not verified is not read.",
			tests: "TestUntrustworthyDeliveries FuzzReadWebhook",
		},
		{
			says:    "Reading without secrets reveals a reference and nothing else.",
			without: "nothing is read without a secret: verifying and reading are one step",
		},
		{
			says:  "An event and a lookup at the same moment agree.",
			tests: "TestEventsAndLookupsAgree",
		},
		{
			says:  "One event has one id, however often it is delivered.",
			tests: "TestOneEventDeliveredManyTimes",
		},
		{
			says:  "Events read the same in every order, and ask to be checked.",
			tests: "TestEventsInEveryOrder",
		},
		{
			says:  "An event that overtakes the answer is about the same capture.",
			tests: "TestEventBeforeTheAnswer",
		},
		{
			says:  "Events that nobody knows are acknowledged and ignored.",
			tests: "TestWhatEventsMean",
		},
		{
			says:  "The acknowledgement is the one that Smartpay wants: 200, and anything else to be sent again.",
			tests: "TestWhatEventsMean TestUntrustworthyDeliveries TestDeliveriesThatAreStillGood",
		},
		{
			says:  "Bodies that are too large, deep, compressed or no text are refused in bounded memory.",
			tests: "TestHostileBodiesAreBounded TestWhatEventsMean TestUntrustworthyDeliveries",
		},
		{
			says:  "An event of another account or environment is refused.",
			tests: "TestDeliveryForAnotherAccount TestUntrustworthyDeliveries TestWhatEventsMean",
		},
		{
			says:  "An event replayed later is refused.",
			tests: "TestDeliveriesThatTheStandInSpoils TestEdgeOfTheTolerance",
		},
	}},
	{"Sending the buyer away, and back", []rule{
		{
			says:  "The buyer is sent to one https page of Smartpay's, until a moment that is named.",
			tests: "TestPagesThatABuyerIsSentTo TestHowLongTheBuyerHas TestAnswersThatDifferFromWhatWasAsked",
		},
		{
			says:  "Doing it twice is doing it once.",
			tests: "TestBuyerWhoNeverComesBack sandbox.TestADoubleClickApprovesOnce",
		},
		{
			says:    "What the browser brings back changes nothing.",
			without: "the connector is never given it: a returning buyer makes the host look the payment up",
		},
		{
			says:  "What a buyer does, or leaves, is known without their coming back.",
			tests: "TestBuyerWhoNeverComesBack TestDeclines",
		},
		{
			says:  "The ways back are passed on byte for byte.",
			tests: "TestWaysBackArriveByteForByte TestAddressesAndWaysBackAreToldWhole",
		},
		{
			says:    "What continues a payment is bound to it and cannot be used on another.",
			without: "the connector keeps and sends no such thing: payments are found by reference",
		},
	}},
	{"Errors", []rule{
		{
			says:  "Every documented error has its row, what is not documented is unmapped.",
			tests: "TestEveryDocumentedValueHasItsRow TestUnlistedValuesStayUnknown TestTablesInMarkdown",
		},
		{
			says:  "Smartpay's code, words, status and request id are kept.",
			tests: "TestProvidersWordsAreKept api.TestRefusals",
		},
		{
			says:  "A decline is an outcome, with its reason.",
			tests: "TestRefundThatFailed TestOrdersThatAreDecidedAlready",
		},
		{
			says:  "Wrong or withdrawn credentials are never a decline.",
			tests: "TestCredentialChecks TestWritesTellTheTruthWhateverComesBack TestWritesRefuseAKeyOfTheOtherEnvironment",
		},
		{
			says:  "Advice fits the outcome, and a wait fits the advice.",
			tests: "TestAdviceIsCoherent",
		},
		{
			says:  "Who follows the advice to the letter never does anything twice.",
			tests: "TestAdviceFollowedAfterEveryFault",
		},
		{
			says:  "What a buyer is told comes from a closed set.",
			tests: "sdk.TestEveryCodeHasAMeaning TestAdviceIsCoherent",
		},
		{
			says:  "Codes of card networks are passed on, and absent where there are none.",
			tests: "TestAdviceIsCoherent",
		},
		{
			says:  "An error of any shape is still an error, and nothing panics.",
			tests: "api.TestRefusals api.FuzzRefusal TestAdviceFollowedAfterEveryFault TestWritesTellTheTruthWhateverComesBack",
		},
	}},
	{"Secrets", []rule{
		{
			says:  "The key shows nowhere, in no spelling, nor does who the buyer is.",
			tests: "TestNothingShowsInTheLifeOfAPayment TestSigningSecretDoesNotShow",
		},
		{
			says:  "Nor when a server repeats what it was sent.",
			tests: "TestNothingThatIsEchoedShows TestEchoedKeyDoesNotShow api.TestEchoedKeyIsMasked api.TestEchoedShopperIsHidden api.TestHiddenBeforeItIsCut",
		},
		{
			says:  "Requests and answers are not recorded.",
			tests: "TestNothingThatIsEchoedShows TestNothingShowsInTheLifeOfAPayment",
		},
		{
			says:  "However a request or a key is printed, it shows a placeholder.",
			tests: "TestRequestsDoNotPrintTheirSecrets api.TestSecretsDoNotPrint",
		},
		{
			says:  "No secret is in an argument, the environment or a file.",
			tests: "TestNothingShowsInTheLifeOfAPayment",
		},
		{
			says:  "The connector logs no address, header or query.",
			tests: "TestNothingShowsInTheLifeOfAPayment",
		},
		{
			says:  "Names, e-mail and postal addresses and phone numbers are in no log and no error.",
			tests: "TestNothingThatIsEchoedShows TestNothingShowsInTheLifeOfAPayment api.TestEchoedShopperIsHidden",
		},
	}},
	{"Words and limits", []rule{
		{
			says:  "Words of every script arrive code point by code point.",
			tests: "TestWordsArriveAsTheyAre TestWhatSmartpayIsTold",
		},
		{
			says:  "Lengths count code points; the longest passes, one more is refused and named, nothing is cut.",
			tests: "TestLengthsAreCountedInCodePoints TestRequestsOnTheLimit TestGateKnowsWhatSmartpayAccepts",
		},
		{
			says:  "Control characters and what is no Unicode are refused and named.",
			tests: "TestControlCharactersAreRefused api.TestSecretKeyForm TestKeyIsHandedOnAsItIs",
		},
		{
			says:  "Line breaks arrive as such where there is room for them.",
			tests: "TestLinesArriveAsLines",
		},
		{
			says:  "References of every letter and length pass, longer ones are refused, and case counts.",
			tests: "TestReferencesOfEveryKind TestSearchIsBoundedAndNeverGuesses",
		},
		{
			says:  "Words that mean something to a program arrive as words.",
			tests: "TestWordsArriveAsTheyAre TestRequestsAreWrittenTheSameWayForEver",
		},
		{
			says:  "Metadata is whole or refused.",
			tests: "TestMetadataOnTheLimitAndBeyond",
		},
		{
			says:  "Postal codes arrive as people write them; a phone number that is no phone number is refused.",
			tests: "TestPhoneNumbersAndPostalCodes",
		},
		{
			says:  "Times are instants, whatever a calendar does.",
			tests: "TestTimesAreInstants",
		},
	}},
}

// Every rule names tests, or says why there can be none; and every test it names is there.
func TestEveryRuleHasItsTest(t *testing.T) {
	there := map[string]bool{}
	for name, dir := range neighbours {
		for _, test := range testsIn(t, dir) {
			if name != "" {
				test = name + "." + test
			}
			there[test] = true
		}
	}
	said := map[string]bool{}
	for _, chapter := range rules {
		for _, r := range chapter.rules {
			if (r.tests == "") == (r.without == "") {
				t.Errorf("%q names %q and says %q: want one of them", r.says, r.tests, r.without)
			}
			if said[r.says] {
				t.Errorf("%q is said twice", r.says)
			}
			said[r.says] = true
			for _, test := range strings.Fields(r.tests) {
				if !there[test] {
					t.Errorf("%q names %s, which is not there", r.says, test)
				}
			}
		}
	}
	if there["TestThatIsNotThere"] || len(there) < 100 {
		t.Errorf("found %d tests: the search is broken", len(there))
	}
}

// testsIn are the names of the tests and fuzz targets in a folder.
func testsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

func TestRulesInMarkdown(t *testing.T) {
	var b strings.Builder
	for i, chapter := range rules {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "### %s\n\n| Rule | Fails when it is broken |\n|---|---|\n", chapter.title)
		for _, r := range chapter.rules {
			cell := "*not applicable:* " + r.without
			if r.tests != "" {
				cell = "`" + strings.Join(strings.Fields(r.tests), "`, `") + "`"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", r.says, cell)
		}
	}
	golden(t, "testdata/rules.md", b.String(), "RulesInMarkdown")
}
