package doubt

import (
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/sdk"
)

// instead answers every write with a status and a body that no provider sent.
func instead(status int, kind, body string) proxy.Fault {
	return proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: reply(status, kind, body)}
}

func reply(status int, kind, body string) proxy.Reply {
	return proxy.Reply{Status: status, Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)}
}

func writes(what proxy.What, replies ...proxy.Reply) proxy.Fault {
	f := proxy.Fault{What: what, Only: proxy.Writes}
	for _, r := range replies {
		f.Reply = r
	}
	return f
}

const (
	jsonType = "application/json"
	htmlType = "text/html; charset=utf-8"
	page     = "<!DOCTYPE html><html><body><h1>Scheduled maintenance</h1></body></html>"
)

const (
	lostWhy = "An answer that was lost is no answer: guessed as failed, the buyer pays twice; guessed as paid, the goods go out unpaid."
	readWhy = "A success that nobody can read is in doubt: a guess at its meaning is somebody's money."
)

// troubles are the ways in which a write goes wrong.
var troubles = []trouble{
	{
		id: "doubt/connection-refused", requirement: "PC-TIME-001", faults: []proxy.Fault{{What: proxy.Refuse}}, fresh: true,
		outcomes: untouched, categories: []sdk.Category{sdk.CategoryProviderUnavailable},
		rule: "A connection that is refused is proof: NOT_ATTEMPTED.",
		why:  "What certainly did not happen may go to another connector; held in doubt, the sale is lost.",
	},
	{
		id: "doubt/reset-on-connect", requirement: "PC-TIME-002", faults: []proxy.Fault{{What: proxy.ResetOnConnect}},
		outcomes: neither, categories: []sdk.Category{sdk.CategoryProviderUnavailable, sdk.CategoryProviderAmbiguous},
		rule: "A connection that is reset as soon as it is made is never success and never a decline.", why: lostWhy,
	},
	{
		id: "doubt/reset-mid-request", requirement: "PC-TIME-002",
		faults:   []proxy.Fault{{What: proxy.ResetMidRequest, Only: proxy.Writes, Bytes: 1}},
		outcomes: neither, categories: []sdk.Category{sdk.CategoryProviderUnavailable, sdk.CategoryProviderAmbiguous},
		rule: "A connection that is reset inside the request is never success and never a decline.", why: lostWhy,
	},
	{
		id: "doubt/reset-before-headers", requirement: "PC-TIME-002", faults: []proxy.Fault{writes(proxy.ResetBeforeHeaders)},
		outcomes: unknown, categories: ambiguous,
		rule: "A connection that is reset after the request and before an answer leaves the outcome UNKNOWN.", why: lostWhy,
	},
	{
		id: "doubt/hang", requirement: "PC-TIME-003", faults: []proxy.Fault{writes(proxy.Hang)}, late: true,
		outcomes: unknown, categories: lost,
		rule: "A provider that takes the request and never answers leaves the outcome UNKNOWN by the deadline, and the connector lets go.",
		why:  "A timeout told as a failure is retried as a new payment; a request that is never let go of holds its connection for good.",
	},
	{
		id: "doubt/answer-dropped", requirement: "PC-TIME-002", faults: []proxy.Fault{writes(proxy.ActThenDrop)}, acted: true,
		outcomes: unknown, categories: ambiguous,
		rule: "A write that took effect and whose answer is lost is UNKNOWN, and a lookup by our reference tells the truth.", why: lostWhy,
	},
	{
		id: "doubt/answer-never-comes", requirement: "PC-TIME-003", faults: []proxy.Fault{writes(proxy.ActThenHang)}, acted: true, late: true,
		outcomes: unknown, categories: lost,
		rule: "A write that took effect and whose answer never comes is UNKNOWN, and a lookup by our reference tells the truth.", why: lostWhy,
	},
	{
		id: "doubt/answer-truncated", requirement: "PC-TIME-004", acted: true, slow: true,
		faults: []proxy.Fault{
			{What: proxy.Truncate, Only: proxy.Writes, Bytes: 20}, {What: proxy.TruncateChunked, Only: proxy.Writes, Bytes: 20},
			{What: proxy.ResetMidBody, Only: proxy.Writes, Bytes: 20},
		},
		outcomes: unknown, categories: ambiguous,
		rule: "A success whose body is cut off is UNKNOWN.", why: readWhy,
	},
	{
		id: "doubt/answer-cut-at-its-end", requirement: "PC-TIME-004", acted: true,
		faults:   []proxy.Fault{{What: proxy.TruncateChunked, Only: proxy.Writes, Bytes: 1 << 20}},
		outcomes: unknown, categories: ambiguous,
		rule: "A success whose very last byte is missing is UNKNOWN.", why: readWhy,
	},
	{
		id: "doubt/answer-drips", requirement: "PC-TIME-004", acted: true, late: true,
		faults:   []proxy.Fault{{What: proxy.Drip, Only: proxy.Writes, Bytes: 40}},
		outcomes: unknown, categories: lost,
		rule: "A success that drips in slower than the deadline is UNKNOWN by the deadline.", why: readWhy,
	},
	{
		id: "doubt/server-error", requirement: "PC-ERR-101",
		faults: []proxy.Fault{
			instead(500, jsonType, ""), instead(502, htmlType, page), instead(503, jsonType, `{"error":"busy"}`), instead(504, htmlType, page),
		},
		outcomes: unknown, categories: ambiguous,
		rule: "HTTP 500, 502, 503 and 504 on a write leave the outcome UNKNOWN, whatever the body.",
		why:  "A balancer's 502 says that nobody heard the answer, not that nothing happened.",
	},
	{
		id: "doubt/server-error-after-acting", requirement: "PC-ERR-101", acted: true,
		faults:   []proxy.Fault{writes(proxy.ActThenAnswer, proxy.HTML(502))},
		outcomes: unknown, categories: ambiguous,
		rule: "A 502 over a write that took effect is UNKNOWN, and a lookup by our reference tells the truth.",
		why:  "This is how buyers are charged for orders that the shop shows as failed.",
	},
	{
		id: "doubt/success-is-html", requirement: "PC-ERR-102", faults: []proxy.Fault{writes(proxy.Instead, proxy.HTML(200))},
		outcomes: unknown, categories: puzzled,
		rule: "A page with status 200 is no success and no crash: UNKNOWN.", why: readWhy,
	},
	{
		id: "doubt/success-is-empty", requirement: "PC-ERR-102",
		faults:   []proxy.Fault{instead(200, jsonType, ""), instead(201, jsonType, ""), {What: proxy.Instead, Only: proxy.Writes, Reply: proxy.Reply{Status: 204}}},
		outcomes: unknown, categories: puzzled,
		rule: "A success without a body is UNKNOWN.", why: readWhy,
	},
	{
		id: "doubt/success-says-nothing", requirement: "PC-ERR-102",
		faults:   []proxy.Fault{instead(200, jsonType, "null"), instead(200, jsonType, "{}"), instead(200, jsonType, "[]"), instead(200, jsonType, `"ok"`)},
		outcomes: unknown, categories: puzzled,
		rule: "A success whose JSON says nothing about what was asked for is UNKNOWN.", why: readWhy,
	},
	{
		id: "doubt/success-has-wrong-types", requirement: "PC-ERR-102", faults: []proxy.Fault{writes(proxy.Mistype)}, acted: true,
		outcomes: unknown, categories: puzzled,
		rule: "A success whose values have other types than documented is UNKNOWN, and no crash.", why: readWhy,
	},
	{
		id: "doubt/redirected", requirement: "PC-ERR-105", faults: []proxy.Fault{writes(proxy.Redirect)},
		outcomes: neither,
		rule:     "A redirect in answer to a write is not followed, and is never success or a decline.",
		why:      "A write that is sent on is sent twice, the second time to whoever the answer names.",
	},
	{
		id: "doubt/odd-refusal", requirement: "PC-ERR-103",
		faults: []proxy.Fault{
			instead(400, jsonType, `["no"]`), instead(400, jsonType, `"no"`), instead(400, htmlType, page),
			instead(400, jsonType, ""), instead(409, "text/plain; charset=utf-8", "エラーが発生しました"),
			instead(422, jsonType, `{"error":{"code":7,"message":["x"]},"errorCode":{}}`), instead(418, jsonType, `{}`),
		},
		outcomes: neither,
		rule:     "A refusal in a shape that is not the provider's own is a mapped error: never success, never a decline, never a crash.",
		why:      "A proxy's error page read as a decline tells a buyer that their bank refused them.",
	},
}
