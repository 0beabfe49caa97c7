"""Short passages of ordinary prose, written for these tests, by language."""

PROSE = {
    "English": (
        "The market opens early on Saturdays, and by eight o'clock the street is full of people carrying bread, "
        "flowers and far too many bags. My neighbour sells honey there. He says that business was slow this spring "
        "because the bees had suffered from the cold, but that nobody complains as long as the coffee is hot. In the "
        "afternoon we usually walk back through the park and talk about the week that is over."
    ),
    "German": (
        "Der Markt öffnet samstags früh, und um acht Uhr ist die Straße voller Menschen, die Brot, Blumen und viel zu "
        "viele Taschen tragen. Mein Nachbar verkauft dort Honig. Er sagt, das Geschäft sei in diesem Frühling schlecht "
        "gelaufen, weil die Bienen unter der Kälte gelitten haben, aber niemand beschwert sich, solange der Kaffee "
        "heiß ist. Am Nachmittag gehen wir meistens durch den Park zurück und reden über die vergangene Woche."
    ),
    "Spanish": (
        "El mercado abre temprano los sábados, y a las ocho la calle está llena de gente que lleva pan, flores y "
        "demasiadas bolsas. Mi vecino vende miel allí. Dice que el negocio fue mal esta primavera porque las abejas "
        "sufrieron con el frío, pero que nadie se queja mientras el café esté caliente. Por la tarde solemos volver a "
        "casa por el parque y hablamos de la semana que ha terminado."
    ),
    "French": (
        "Le marché ouvre tôt le samedi, et à huit heures la rue est pleine de gens qui portent du pain, des fleurs et "
        "beaucoup trop de sacs. Mon voisin y vend du miel. Il dit que les affaires ont été mauvaises ce printemps "
        "parce que les abeilles avaient souffert du froid, mais que personne ne se plaint tant que le café est chaud. "
        "L'après-midi, nous rentrons souvent par le parc en parlant de la semaine qui s'achève."
    ),
    "Polish": (
        "W soboty targ otwiera się wcześnie i już o ósmej ulica jest pełna ludzi, którzy niosą chleb, kwiaty i zbyt "
        "wiele toreb. Mój sąsiad sprzedaje tam miód. Mówi, że tej wiosny interesy szły słabo, bo pszczoły ucierpiały z "
        "powodu zimna, ale nikt nie narzeka, dopóki kawa jest gorąca. Po południu zwykle wracamy przez park i "
        "rozmawiamy o tygodniu, który właśnie minął."
    ),
    "Turkish": (
        "Pazar cumartesi günleri erken açılır ve saat sekizde sokak ekmek, çiçek ve gereğinden fazla çanta taşıyan "
        "insanlarla dolar. Komşum orada bal satıyor. Arılar soğuktan çok etkilendiği için bu bahar işlerin kötü "
        "gittiğini, ama kahve sıcak olduğu sürece kimsenin şikâyet etmediğini söylüyor. Öğleden sonra genellikle "
        "parkın içinden eve döner ve biten hafta hakkında konuşuruz."
    ),
    "Russian": (
        "По субботам рынок открывается рано, и уже в восемь часов улица полна людей, которые несут хлеб, цветы и "
        "слишком много сумок. Мой сосед продаёт там мёд. Он говорит, что этой весной дела шли плохо, потому что пчёлы "
        "пострадали от холода, но никто не жалуется, пока кофе горячий. После обеда мы обычно возвращаемся через парк "
        "и разговариваем о прошедшей неделе."
    ),
    "Greek": (
        "Η αγορά ανοίγει νωρίς τα Σάββατα και στις οκτώ ο δρόμος είναι γεμάτος κόσμο που κουβαλάει ψωμί, λουλούδια και "
        "πάρα πολλές τσάντες. Ο γείτονάς μου πουλάει εκεί μέλι. Λέει ότι φέτος την άνοιξη οι δουλειές δεν πήγαν καλά, "
        "γιατί οι μέλισσες υπέφεραν από το κρύο, αλλά κανείς δεν παραπονιέται όσο ο καφές είναι ζεστός. Το απόγευμα "
        "γυρίζουμε συνήθως από το πάρκο και μιλάμε για την εβδομάδα που πέρασε."
    ),
    "Chinese": (
        "星期六市场很早就开门，到了八点，街上到处都是提着面包、鲜花和太多袋子的人。我的邻居在那里卖蜂蜜。"
        "他说今年春天生意不好，因为蜜蜂受了寒冷的影响，不过只要咖啡是热的，就没有人抱怨。"
        "下午我们通常穿过公园走回家，一边走一边谈论刚刚过去的这个星期。"
    ),
    "Japanese": (
        "土曜日の市場は朝早くから開き、八時にはパンや花、そして多すぎるほどの袋を抱えた人で通りがいっぱいになります。"
        "隣に住んでいる人はそこで蜂蜜を売っています。"
        "今年の春は寒さで蜂が弱ってしまい、商売はあまりうまくいかなかったそうですが、コーヒーが熱いうちは誰も文句を言わないと笑います。"
        "午後はたいてい公園を通って帰り、終わった一週間のことを話します。"
    ),
    "Arabic": (
        "يفتح السوق أبوابه باكرا أيام السبت، وعند الساعة الثامنة يمتلئ الشارع بالناس الذين يحملون الخبز والزهور "
        "وأكياسا كثيرة. يبيع جاري العسل هناك، ويقول إن التجارة كانت ضعيفة هذا الربيع لأن النحل عانى من البرد، لكن لا "
        "أحد يشتكي ما دامت القهوة ساخنة. بعد الظهر نعود عادة عبر الحديقة ونتحدث عن الأسبوع الذي انتهى."
    ),
    "Hindi": (
        "शनिवार को बाज़ार सुबह जल्दी खुलता है और आठ बजे तक सड़क उन लोगों से भर जाती है जो रोटी, फूल और बहुत सारे थैले "
        "लेकर चलते हैं। मेरा पड़ोसी वहाँ शहद बेचता है। वह कहता है कि इस बसंत में काम अच्छा नहीं चला, क्योंकि "
        "मधुमक्खियों को ठंड से बहुत तकलीफ़ हुई, लेकिन जब तक चाय गरम है कोई शिकायत नहीं करता। दोपहर के बाद हम अक्सर "
        "बाग़ से होकर घर लौटते हैं और बीते हुए हफ़्ते की बातें करते हैं।"
    ),
}
