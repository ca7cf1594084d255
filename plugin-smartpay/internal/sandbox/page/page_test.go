package page

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestYen(t *testing.T) {
	for amount, want := range map[int64]string{
		0: "¥0", 1: "¥1", 999: "¥999", 1000: "¥1,000", 1250: "¥1,250", 123456789: "¥123,456,789", -100: "−¥100", -1234: "−¥1,234",
	} {
		if got := yen(amount); got != want {
			t.Errorf("yen(%d) = %s, want %s", amount, got, want)
		}
	}
}

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	for language, w := range map[string]words{"en": english, "ja": japanese} {
		v := reflect.ValueOf(w)
		for i := range v.NumField() {
			if v.Field(i).String() == "" {
				t.Errorf("%s has no %s", language, v.Type().Field(i).Name)
			}
		}
	}
}

func TestEveryStateHasAPage(t *testing.T) {
	for _, state := range []State{Open, Approved, Rejected, Canceled, Expired, Unknown} {
		for _, language := range []string{"en", "ja"} {
			w := httptest.NewRecorder()
			err := Write(w, 200, View{State: state, Language: language, Shop: "S", Total: 5, Expires: time.UnixMilli(0),
				SuccessURL: "app://ok", CancelURL: "https://shop.example/no"})
			body := w.Body.String()
			if err != nil || !strings.HasSuffix(body, "</html>\n") || strings.Count(body, "<h1") != 1 {
				t.Errorf("%s in %s: %v\n%s", state, language, err, body)
			}
			if state == Approved && !strings.Contains(body, `href="app://ok"`) {
				t.Errorf("the way back to an app is gone: %s", body)
			}
		}
	}
}

func TestWhatAShopWritesStaysText(t *testing.T) {
	w := httptest.NewRecorder()
	evil := `"><script>alert(1)</script>{{.}}`
	err := Write(w, 200, View{
		State: Open, Language: "en", Shop: evil, Reference: evil, Path: "/checkout/x", Lines: []Line{{Name: evil, Quantity: 1}},
	})
	if err != nil || strings.Contains(w.Body.String(), "<script") {
		t.Errorf("%v\n%s", err, w.Body)
	}
}
