package page

import "time"

// words is every text of the page in one language.
type words struct {
	Title, Banner, BannerMore                      string
	Shop, Reference, Items, Fee, Promotion, Total  string
	Until, TokenLead                               string
	Cards, CardsHint                               string
	CardGood, CardBad, CardSoft                    string
	Pay, Save, Decline, Cancel, Code, Apply        string
	SoftNotice, CodeNotice                         string
	Approved, ApprovedMore, Rejected, RejectedMore string
	Canceled, CanceledMore, Expired, ExpiredMore   string
	Unknown, UnknownMore, Back, Continue, Quantity string
	Language, OtherLanguage, OtherLanguageCode     string
	timeLayout                                     string
}

var english = words{
	Title: "Checkout", Banner: "This is a sandbox.", BannerMore: "No money moves and no card network is asked.",
	Shop: "Pay to", Reference: "Reference", Items: "Your order", Fee: "Shipping", Promotion: "Promotion",
	Total: "Total", Until: "Please answer by", TokenLead: "Save a means of payment for later orders at this shop.",
	Cards: "Pay with a test card", CardsHint: "Choose how the payment is to end.",
	CardGood: "is approved", CardBad: "is declined for good", CardSoft: "is declined; try again (sandbox only)",
	Pay: "Pay", Save: "Save", Decline: "Decline this payment", Cancel: "Cancel and return to the shop",
	Code: "Promotion code", Apply: "Apply",
	SoftNotice: "This card was declined. You can try another one.",
	CodeNotice: "This promotion code cannot be used here.",
	Approved:   "This payment is already approved.", ApprovedMore: "You will not be charged twice.",
	Rejected: "This payment was declined.", RejectedMore: "Nothing was charged. Please start again at the shop.",
	Canceled: "This order was cancelled.", CanceledMore: "What was not captured has been released.",
	Expired: "This page has expired.", ExpiredMore: "Nothing was charged. Please start again at the shop.",
	Unknown: "There is no such page.", UnknownMore: "Please follow the link from the shop again.",
	Back: "Return to the shop", Continue: "Continue to the shop", Quantity: "Quantity",
	Language: "Language", OtherLanguage: "日本語", OtherLanguageCode: "ja",
	timeLayout: "2 January 2006, 15:04 (Japan time)",
}

var japanese = words{
	Title: "お支払い", Banner: "これはサンドボックスです。", BannerMore: "実際の請求やカード会社への照会は行われません。",
	Shop: "お支払い先", Reference: "注文番号", Items: "ご注文内容", Fee: "送料", Promotion: "プロモーション割引",
	Total: "合計", Until: "お手続き期限", TokenLead: "次回以降のご注文のために、お支払い方法を登録します。",
	Cards: "テストカードで支払う", CardsHint: "お支払いの結果をお選びください。",
	CardGood: "承認されます", CardBad: "拒否されます（再試行不可）", CardSoft: "拒否されます・再試行可（サンドボックス専用）",
	Pay: "支払う", Save: "登録する", Decline: "支払いを拒否する", Cancel: "キャンセルしてショップに戻る",
	Code: "プロモーションコード", Apply: "適用",
	SoftNotice: "このカードは承認されませんでした。別のカードをお試しください。",
	CodeNotice: "このプロモーションコードはご利用いただけません。",
	Approved:   "このお支払いは承認済みです。", ApprovedMore: "二重に請求されることはありません。",
	Rejected: "このお支払いは承認されませんでした。", RejectedMore: "請求は発生していません。ショップからもう一度お手続きください。",
	Canceled: "この注文はキャンセルされました。", CanceledMore: "未確定の金額は解放されました。",
	Expired: "このページの有効期限が切れました。", ExpiredMore: "請求は発生していません。ショップからもう一度お手続きください。",
	Unknown: "ページが見つかりません。", UnknownMore: "ショップのリンクからもう一度お進みください。",
	Back: "ショップに戻る", Continue: "ショップに進む", Quantity: "数量",
	Language: "言語", OtherLanguage: "English", OtherLanguageCode: "en",
	timeLayout: "2006年1月2日 15:04（日本時間）",
}

var japan = time.FixedZone("JST", 9*60*60)

func (w words) until(t time.Time) string { return t.In(japan).Format(w.timeLayout) }

func (w words) cards() []card {
	return []card{{CardApproved, w.CardGood}, {CardDeclined, w.CardBad}, {CardSoftDeclined, w.CardSoft}}
}

// Spaced writes a card number as it stands on a card.
func (c card) Spaced() string {
	return c.Number[:4] + " " + c.Number[4:8] + " " + c.Number[8:12] + " " + c.Number[12:]
}

// Headline and Explanation say what a page that is not open is about.
func (w words) Headline(s State) string    { return w.message(s)[0] }
func (w words) Explanation(s State) string { return w.message(s)[1] }

func (w words) message(s State) [2]string {
	switch s {
	case Approved:
		return [2]string{w.Approved, w.ApprovedMore}
	case Rejected:
		return [2]string{w.Rejected, w.RejectedMore}
	case Canceled:
		return [2]string{w.Canceled, w.CanceledMore}
	case Expired:
		return [2]string{w.Expired, w.ExpiredMore}
	case Open, Unknown:
	}
	return [2]string{w.Unknown, w.UnknownMore}
}
