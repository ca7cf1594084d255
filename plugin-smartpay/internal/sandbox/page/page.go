package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the template and its style
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// State is what the page has to say.
type State string

// Every state there is. All but Open offer nothing but the way back.
const (
	Open     State = "open"     // waiting for an answer
	Approved State = "approved" // the buyer has agreed already
	Rejected State = "rejected" // declined for good
	Canceled State = "canceled" // approved once, but cancelled since or not captured in time
	Expired  State = "expired"  // nobody answered in time
	Unknown  State = "unknown"  // no such page
)

// Line is an entry of the cart.
type Line struct {
	Name     string
	Quantity int64
	Amount   int64 // of all units together; negative for a discount
}

// View is everything the page shows.
type View struct {
	State      State
	Language   string // "ja" or "en"
	Path       string // of the page itself, where the form goes
	Shop       string
	Reference  string
	Lines      []Line
	Fee        int64 // shipping
	Discount   int64 // taken off by a promotion code
	Total      int64
	Token      bool // the buyer is asked to save a means of payment, not to pay
	Expires    time.Time
	SuccessURL string // where [Approved] leads back to
	CancelURL  string // where every other state leads back to
	SoftNotice bool   // the last try was declined, another may work
	CodeNotice bool   // the promotion code does not work
}

// The test cards. The first two are the provider's; the third is this
// sandbox's own, for a decline after which the buyer may try again.
const (
	CardApproved     = "4242424242424242"
	CardDeclined     = "4100000000000019"
	CardSoftDeclined = "4100000000000035"
)

type card struct{ Number, Label string }

//go:embed page.gohtml
var source string

//go:embed page.css
var style string

var document = template.Must(template.New("page").Funcs(template.FuncMap{
	"yen": yen,
	"style": func() template.CSS {
		return template.CSS(style) //nolint:gosec // our own file, embedded
	},
	"link": func(address string) template.URL {
		return template.URL(address) //nolint:gosec // refused on the way in unless absolute and no script
	},
}).Parse(source))

// Write answers with the page. It may be stored by no one, framed by no one,
// and may load nothing. The policy has no form-action: browsers apply that to
// every redirect after the form, and shops redirect on.
func Write(w http.ResponseWriter, status int, v View) error {
	texts := english
	if v.Language == "ja" {
		texts = japanese
	}
	var out bytes.Buffer
	err := document.Execute(&out, struct {
		View
		T     words
		Cards []card
		Until string
	}{v, texts, texts.cards(), texts.until(v.Expires)})
	if err != nil {
		return err
	}
	h := w.Header()
	sum := sha256.Sum256([]byte(style))
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Language)
	w.WriteHeader(status)
	_, err = w.Write(out.Bytes())
	return err
}

// yen spells an amount as people in Japan and elsewhere read it: ¥1,250.
func yen(amount int64) string {
	sign, text := "", strconv.FormatInt(amount, 10)
	if amount < 0 {
		sign, text = "−", text[1:]
	}
	var out strings.Builder
	for i, digit := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(digit)
	}
	return sign + "¥" + out.String()
}
