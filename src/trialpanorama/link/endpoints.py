"""What an endpoint measures: its domain in the taxonomy of outcomes that the COMET initiative uses.

The taxonomy has 38 domains in five core areas (Dodd et al., J Clin Epidemiol 2018;96:84-92). A measure is classed by
rules over its words: instruments, laboratory values and events that belong to one domain. The words that decided are the
mention. A rule knows no more than its words; a measure that none knows gets no domain, and is counted as such.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from trialpanorama.link._links import Link

if TYPE_CHECKING:
    from trialpanorama.ontologies import Concepts


class _Rule(NamedTuple):
    """Words that tell a domain, and how much they tell: the highest rank in a measure decides, then the first."""

    domain: int
    rank: int
    pattern: str


_RULES = (
    # names of instruments and events that leave no doubt
    _Rule(1, 9, r"(?:overall|\bpatient|participant|subject|transplant-free|amputation-free|disease-specific|long-term|[\d-]+-?(?:day|month|year)) survival|(?-i:\bOS\b)|mortalit\w*|\bdeaths?\b|\bdied\b|case fatality|all[- ]cause (?:death|mortality)|time to death|surviv(?:ors?|al (?:rate|time|status|at|to|until))"),
    _Rule(16, 10, r"(?:progression|disease|relapse|recurrence|event|metastasis|failure|invasive disease)[- ]free (?:survival|interval|rate)|(?-i:\b[PDREM]FS2?\b)|time to (?:tumou?r |disease )?(?:progression|recurrence|relapse)|objective (?:tumou?r )?(?:response|remission)|overall response rate|(?:complete|partial|clinical benefit|disease control|best overall|tumou?r|patholog\w+ complete|major molecular|hematologic|haematologic|cytogenetic) (?:response|remission|control)s?(?: rates?)?|(?-i:\bORR\b)|response rate.{0,20}\bCR\b|distant (?:recurrence|metasta\w+|failure)|(?-i:\bpCR\b)|(?-i:\bDCR\b)|RECIST|duration of (?:overall )?response|(?-i:\bDOR\b)|\bPSA (?:response|progression|level|doubling)|tumou?r (?:size|volume|burden|marker|growth|shrinkage)|local (?:tumou?r )?control|maximum tolerated dose (?!.*adverse)|(?:cancer|tumou?r|lesion) (?:detection|recurrence|progression|incidence)|minimal residual disease|metasta\w+"),
    _Rule(38, 8, r"adverse (?:drug |device )?(?:events?|effects?|reactions?|experiences?)|(?-i:\bT?E?S?AES?I?s?\b)|(?-i:\bSUSARs?\b)|side[- ]?effects?|\bsafety\b|tolerab\w+|toxicit\w+|dose[- ]limiting|(?-i:\bDLTs?\b)|complications?\b|maximum tolerated dose|(?-i:\bMTD\b)|reactogenicity|extrapyramidal symptom\w*|laboratory abnormalit\w+"),
    _Rule(30, 9, r"(?:health[- ]related )?quality[- ]of[- ]life|(?-i:\bHR?-?QO?L\b)|(?-i:\bSF-?(?:36|12|8|6D)\b)|\bEQ-?5D\w*|EORTC QLQ[-\w]*|(?-i:\bFACT-?[A-Z]\w*)|WHOQOL\w*|PedsQL|(?-i:\bDLQI\b)|(?-i:\bSGRQ\b)|KDQOL"),
    _Rule(31, 6, r"(?:patient|clinician|investigator)?'?s? ?global (?:impression|assessment|impression of change)|(?-i:\b[PC]GI-?[CSI]?\b)|perceived health|health status|self-rated health|patient-reported outcomes?"),
    _Rule(25, 8, r"physical (?:function\w*|performance|activity|fitness)|six[- ]minute walk\w*|6[- ]?min\w* walk\w*|(?-i:\b6MW[TD]\b)|activities of daily living|(?-i:\bI?ADLs?\b)|barthel|(?-i:\bHAQ(?:-DI)?\b)|gait|mobility|timed up (?:and|&) go|grip strength|disabilit\w+|functional (?:status|capacity|independence|outcome|recovery|ability)|modified rankin|\bmRS\b|WOMAC|(?-i:\bODI\b)|oswestry|(?-i:\bDASH\b)|exercise (?:capacity|tolerance)|(?:peak )?VO2|walking (?:speed|distance)|balance|range of motion|fatigue severity|karnofsky|ECOG performance"),
    _Rule(29, 8, r"cogniti\w+|ADAS-?Cog\w*|(?-i:\bMMSE\b)|mini[- ]mental|\bMoCA\b|memory|executive function\w*|attention (?:task|test|span)|neuropsychological|intelligence quotient|(?-i:\bIQ\b)|reaction time"),
    _Rule(28, 7, r"emotional|well-?being|(?<!respiratory )distress|coping|self[- ]esteem|resilience|stress (?:level|score|scale)|perceived stress|life satisfaction|happiness|burn-?out|loneliness"),
    _Rule(26, 7, r"social (?:function\w*|support|skill\w*|participation|adjustment|interaction)|relationship quality|family functioning"),
    _Rule(27, 7, r"return to (?:work|school|sport\w*)|work (?:productivity|ability)|(?-i:\bWPAI\b)|absenteeism|school (?:attendance|performance)|employment|role function\w*"),
    _Rule(32, 6, r"adherence|compliance|satisfaction|acceptab\w+|feasib\w+|retention(?: rate)?|recruitment rate|drop-?out|withdrawals?|usability|uptake|attendance|knowledge|screening rate|quality of care|patient preference|protocol deviation|engagement|time to treatment|waiting time|success(?:ful)? (?:rate|of (?:intubation|cannulation|procedure))|image quality|diagnostic accuracy|sensitivity and specificity|agreement between|procedure time|duration of (?:surgery|procedure|operation)|operat\w+ time|surgery time|\bease of"),
    _Rule(34, 8, r"\bcosts?\b|cost-?effectiveness|(?-i:\bQALYs?\b)|economic|health ?care (?:resource|utili[sz]ation)|resource (?:use|utili[sz]ation)|incremental cost"),
    _Rule(35, 9, r"(?:length|duration) of (?:hospital|ICU|intensive care|PICU|NICU|post-?operative)?[ -]*(?:hospital |unit )?(?:stay|hospitali[sz]ation)|hospital(?:i[sz]ation|[- ]free| stay| admission| discharge| readmission)s?\w*|re-?admission|(?:ICU|intensive care(?: unit)?) (?:stay|admission|length|free)\w*|emergency (?:department|room) visit\w*|ventilator[- ]free days|outpatient visits|time to discharge"),
    _Rule(36, 7, r"rescue (?:medication|analges\w+|therapy|treatment|antiemetic)|need for (?:\w+ ){0,3}(?:surgery|intervention|treatment|ventilation|transfusion|therapy|intubation|analges\w+|oxygen|medication|dialysis)|re-?operation|re-?intervention|revision (?:surgery|rate)|mechanical ventilation|intubation rate|(?:opioid|morphine|analgesic|fentanyl|insulin|vasopressor|anesthetic) (?:consumption|requirement|use|dose)\w*|concomitant medication|retreatment|target (?:lesion|vessel) revascularization|treatment failure|cesarean (?:section|delivery) rate"),
    _Rule(37, 8, r"caregiver|carer burden|burden of care|parent(?:al|ing) stress"),
    # organ systems: diseases, signs and laboratory values
    _Rule(2, 5, r"h(?:a)?emoglobin(?! a1c)|\bHb\b|an(?:a)?emi\w+|neutro(?:phil|pen)\w*|platelet\w*|thrombocyt\w*|transfus\w+|h(?:a)?ematocrit|engraft\w*|leu[ck]o(?:cyt|pen)\w*|coagulation|bleeding (?:event|rate|episode)\w*|(?-i:\bINR\b)|factor (?:VIII|IX)|white blood cell|lymphocyte count|ferritin|transferrin|reticulocyte\w*|blood loss|h(?:a)?emostasis"),
    _Rule(3, 5, r"cardi(?:ac|o)\w*|heart (?:failure|rate|function)|left ventric\w+|(?-i:\bLVEF\b)|ejection fraction|myocardial (?:infarction|ischemia|perfusion)|atrial fibrillation|arrhythmi\w+|\bQTc?F?\b|electrocardio\w+|(?-i:\bECGs?\b)|angina|(?-i:\bMACE\b)|troponin|NT-?pro-?BNP|(?-i:\bBNP\b)|coronary"),
    _Rule(5, 5, r"thyroid\w*|cortisol|hormone level\w*|growth (?:hormone|velocity|rate)|(?-i:\bIGF-?1\b)|testosterone|(?-i:\bTSH\b)|parathyroid|puberty|adrenal|height (?:velocity|SDS|z-score)|bone age|prolactin"),
    _Rule(6, 6, r"hearing|tinnitus|audiomet\w*|otitis|vertigo|pure[- ]tone|speech recognition"),
    _Rule(7, 6, r"visual acuity|(?-i:\bBCVA\b)|intra-?ocular pressure|(?-i:\bIOP\b)|macula\w*|retin(?:al|opathy)\w*|ocular|corneal?|\beyes?\b|visual field|ETDRS|schirmer|central (?:subfield|foveal|macular) thickness|refracti\w+|cataract"),
    _Rule(8, 5, r"nausea|vomit\w*|diarrh(?:o)?ea\w*|constipation|bowel|gastr\w+|ulcer(?:ative colitis)?|crohn|mayo score|abdominal pain|stool\w*|dyspepsia|reflux|mucosal healing|endoscopic (?:healing|remission|response)|mucositis|polyp\w*|adenoma detection|colonoscop\w+|intestin\w+|flatus|h(?:a)?emorrhoid\w*|PONV"),
    _Rule(9, 4, r"\bpain\b|(?-i:\bVAS\b)|visual analogu?e scale|numeric(?:al)? rating scale|(?-i:\bNRS\b)|fatigue|fever|body temperature|symptom (?:score|severity|relief|resolution|improvement)\w*|sleep (?:quality|duration)|insomnia|inflammat\w+|c-?reactive protein|(?-i:\bCRP\b)|shivering|hypothermia|frailty|sedation"),
    _Rule(10, 6, r"(?-i:\bALT\b)|(?-i:\bAST\b)|alanine aminotransferase|liver (?:function|fat|stiffness|enzymes?|fibrosis|biopsy|injury)|hepat(?:ic|o)\w*|bilirubin|cirrho\w+|fibroscan|portal (?:hypertension|vein)|biliary|pancreatitis|gallstone\w*|transaminase\w*|alkaline phosphatase|(?-i:\bMELD\b)"),
    _Rule(11, 6, r"antibod(?:y|ies)|sero(?:conver|protect|respon)\w*|geometric mean (?:titer|titre|concentration|fold)\w*|(?-i:\bGM[TC]s?\b)|immun(?:e|o)\w* (?:respon\w+|cell\w*)|T-?cell\w*|\bCD4\w*|\bCD8\w*|cytokine\w*|interleukin|\bIL-\d+|\bIgE\b|\bIg[GAM]\b|aller\w+|graft[- ]versus[- ]host|(?-i:\bGVHD\b)|(?-i:\bACR\s?-?\d\d\b)|rejection|anaphyla\w+|neutrali[sz]ing|immunogenic\w*|TNF-?\w*"),
    _Rule(12, 6, r"infect\w*|(?:incidence|prevalence|rate|number|cases?|confirmed|diagnos\w+|positiv\w*|test\w*|risk|prevent\w*|transmission|exposure|protection)\b.{0,40}\b(?:COVID|SARS-CoV|2019-nCoV|coronavirus)\w*|(?:COVID|SARS-CoV|2019-nCoV|coronavirus)[\w -]{0,24}\b(?:incidence|test\w*|positiv\w*|negativ\w*|status|cases?|diagnosis|disease)|\bswabs?\b|virus\w*|viral|negativ\w+ (?:NPS|conversion|PCR|rate|swab)|negative conversion\w*|(?:turn|becom)\w* negative|cycle threshold|(?-i:\bNPS\b)|microbio\w+|viral (?:load|clearance|shedding)|(?-i:\bRNA\b)|sustained virologic\w*|(?-i:\bSVR\d*\b)|virologic\w*|bacter\w+|cultures?\b|parasit\w*|malaria|fungal|pneumonia|sepsis|(?-i:\bHIV\b)|clinical cure|microbiolog\w+|eradicat\w+|H\.? ?pylori|RT-?PCR|(?-i:\bPCR\b)|nu[ck]*lei?c acid|influenza|tubercul\w+|herpes|hepatitis [BC]"),
    _Rule(13, 5, r"fractures? (?:risk|rate|healing|incidence)|injur(?:y|ies)|falls?\b|poison\w*|wound (?:healing|closure|complication|infection)|burns?\b|overdose|surgical site"),
    _Rule(14, 5, r"Hb ?A1c|glycated h(?:a)?emoglobin|h(?:a)?emoglobin a1c|glyc(?:a)?emi\w*|glucose|insulin(?: resistance| sensitivity)?|HOMA\w*|\bLDL\w*|\bHDL\w*|cholesterol|triglycerid\w*|lipid\w*|body (?:weight|mass index|fat|composition)|(?-i:\bBMI\b)|weight (?:loss|gain|change)|waist|obesity|nutrition\w*|vitamin [A-K]\d*|dietary|energy intake|uric acid|phosphate|calcium|potassium|phosphorus|homocysteine|adiponectin|food intake|albumin"),
    _Rule(15, 5, r"bone (?:mineral )?(?:density|turnover|loss|healing)|(?-i:\bBMD\b)|joint\w*|arthr\w+|muscle\w*|musculoskeletal|\bDAS-?28\w*|tendon|spin(?:e|al) (?:fusion|pain)|low back pain|back pain|cartilage|osteo\w+|\bASAS\s?\d\d|(?-i:\bBASDAI\b)|knee|shoulder|hip (?:score|function)|fibromyalgia|implant (?:survival|stability)|alveolar bone|marginal bone|lean (?:body )?mass"),
    _Rule(17, 5, r"seizure\w*|stroke|(?-i:\bEDSS\b)|headache\w*|migraine|neurolog\w+|neuropath\w+|UPDRS|parkinson\w*|dystonia|spastic\w*|ashworth|brain|cerebr\w+|\bMRI lesions?\b|gadolinium|NIHSS|epilep\w*|relapse rate|annuali[sz]ed relapse|tremor|dement\w+|delirium|sensory block|motor block|nerve (?:block|conduction)|electroencephal\w*|(?-i:\bEEG\b)|\btics?\b|multiple sclerosis|neuro(?:nal|cognit|degener|muscular|transmit|imag|physiolog|protect)\w*|neural|smell|olfact\w+|anosmia|ageusia|taste|gustat\w+|voice"),
    _Rule(18, 6, r"pregnan\w*|obstetric\w*|maternal|perinatal|live birth|birth ?weight|gestation\w*|neonat\w*|preterm|(?:pre-?)?eclampsia|miscarriage|abortion|delivery (?:mode|outcome)|mode of delivery|labou?r\b|apgar|breast-?feeding|postpartum|implantation rate|f(?:o)?etal|infant (?:weight|growth)|cesarean"),
    _Rule(19, 6, r"glomerular|\be?GFR\b|creatinine|proteinuria|albuminuria|renal|kidney|urin(?:e|ary)\w*|incontinence|nocturia|(?-i:\bIPSS\b)|voiding|micturition|dialysis|cystitis|ur(?:o|in)\w*flow\w*|bladder|stone[- ]free|nephro\w+|Qmax"),
    _Rule(20, 6, r"menstrua\w*|menorrh\w*|ovulat\w*|ovarian|oocyte\w*|endometri\w*|sexual|erectile|\bIIEF\w*|(?-i:\bFSFI\b)|vaginal|semen|sperm\w*|fertili\w+|contracept\w+|menopaus\w*|hot flash\w*|vasomotor|breast density|follicle\w*|dysmenorrh\w*|fibroid\w*|pearl index"),
    _Rule(21, 6, r"depress\w*|anxi\w*|\bHAM-?[DA]\w*|MADRS|(?-i:\bPANSS\b)|psycho(?:tic|sis|patholog)\w*|(?-i:\bBDI(?:-II)?\b)|(?-i:\bYMRS\b)|schizophreni\w*|bipolar|PTSD|(?-i:\bCAPS(?:-5)?\b)|suicid\w*|addict\w*|abstinen\w*|smoking|cigarette\w*|drinking|alcohol|craving|substance use|drug use|autis\w*|(?-i:\bADHD\b)|\bPHQ-?\d|\bGAD-?7|(?-i:\bHADS\b)|mood|behaviou?r\w*|eating disorder|cessation|cocaine|opioid use|mental health|agitation"),
    _Rule(22, 6, r"\bFEV-?1?\w*|forced (?:expiratory|vital)|(?-i:\bFVC\b)|lung (?:function|volume)|pulmonary (?:function|exacerbation)|asthma|exacerbation\w*|dyspn(?:o)?ea|cough\w*|oxygen(?:ation| saturation)?|\bSpO2\b|PaO2\w*|respirat\w+|airway|apn(?:o)?ea|(?-i:\bAHI\b)|nasal|sputum|(?-i:\bCOPD\b)|extubation|bronch\w+|rhin\w+|sore throat|spirometr\w+|pleural"),
    _Rule(23, 6, r"(?-i:\bPASI\b)\s?-?\d*|psoria\w*|eczema|(?-i:\bEASI\b)\s?-?\d*|SCORAD|skin|acne|lesion count\w*|dermat\w*|itch\w*|prurit\w*|urticaria|wrinkle\w*|scar\w*|(?-i:\bIGA\b)|hair|alopecia|pressure ulcer\w*|erythema|wound|rash|melasma|glabellar"),
    _Rule(24, 5, r"blood pressure|hypertens\w*|hypotens\w*|(?-i:\bSBP\b)|(?-i:\bDBP\b)|thrombo(?:sis|embol)\w*|(?-i:\bDVT\b)|(?-i:\bVTE\b)|vascular|endotheli\w*|flow[- ]mediated|carotid|intima|ankle[- ]brachial|embol\w+|aneurysm|patency|restenosis|varicose|h(?:a)?emodynamic\w*|late lumen loss|ischemic stroke|mean arterial|pulse wave|venous"),
    _Rule(12, 3, r"COVID-?\s?19|SARS-?CoV-?2|2019-nCoV|coronavirus"),
    _Rule(22, 6, r"lungs?\b|chest (?:CT|X-?ray|comput\w+|radio\w+|imag\w+)|ground[- ]glass|(?-i:\bHRCT\b)|(?:Pa|Sa|Sp|P|S)O2 ?/ ?FiO2|P/F ratio|O2 saturation|oxygenation index|(?-i:\bROX\b)|(?-i:\bARDS\b)|acute respiratory distress|CURB-?65|diffusi(?:on|ng) capacity|shortness of breath|breathlessness|pulmonary manifest\w+"),
    _Rule(9, 5, r"clinical(?:ly)? (?:improve\w*|recover\w+|status|worsening|deteriorat\w+|condition|course|progress\w+|stabili\w+)|(?-i:\bTTC[IR]\b)|(?:recovery|cure) (?:time|rate)|(?:time|rate) (?:to|of|until) (?:\w+ ){0,2}(?:recovery|cure|improvement)|\bcured\b|ordinal (?:clinical )?scale|\d-(?:point|category) (?:\w+ ){0,2}scale|progression scale|severe (?:cases|disease|illness)|critical(?:ly)? (?:ill\w*|stage|cases)|disease (?:severity|progress\w*|aggravation|remission)|organ (?:failure|function|dysfunction)|(?-i:\bSOFA\b)|sequential organ failure|(?-i:\bAPACHE\b)|(?-i:\bNEWS2?\b)"),
    _Rule(9, 2, r"symptom\w*|temperature|a?febrile|defervescence|prognos\w+|clinical (?:response|outcomes?|feature\w*|sign\w*|characteristic\w*|efficacy|cure|remission|manifestation\w*|index|indicator\w*)|TCM syndrome|syndrome (?:score|integral)|sleep|erythrocyte sedimentation|(?-i:\bESR\b)|(?-i:\bPSQI\b)|night sweats|vital signs|recovery|improvement rate|(?:un)?favou?rable outcomes?|adverse outcomes?|treatment outcomes?"),
    _Rule(2, 4, r"lymphocyt\w*|blood routine|routine blood|blood (?:count|cells?)|(?-i:\bWBC\b)|d-?dimer|(?-i:^DD$)|eosinophil\w*|bleeding"),
    _Rule(11, 5, r"lymphocyte subset\w*|T[- ]?cell|immun\w+ function|immunity|chemokine\w*|(?-i:\bIP-?10\b)|(?-i:\bBCR\b)|complement|autoimmun\w+|immunoglobulin\w*|titers?\b|titres?\b"),
    _Rule(3, 5, r"myocard\w+|creatine kinase|(?-i:\bCK-?MB\b)|echocardiogra\w+|ventricular|heart"),
    _Rule(20, 6, r"penile|penis|erections?\b|(?-i:\bSEP\b)|sexual encounter|(?-i:\bEHS\b)|ejacul\w+|orgasm\w*|intercourse|rigiscan|peyronie\w*"),
    _Rule(5, 4, r"(?-i:\bACTH\b)|hormon\w+|endocrin\w+|cushing\w*"),
    _Rule(28, 4, r"stress\b(?! (?:test|urinary|echo|incontinence|fracture))|psychological|mental (?:status|well\w*)|general health questionnaire|(?-i:\bGHQ\b)|loneliness|worry|mindful\w+"),
    _Rule(21, 5, r"(?-i:\bGAD\b)|(?-i:\bPCL(?:-5)?\b)|mental disorder\w*|psychiatr\w+|posttraumatic|post-traumatic|euphoria|worry questionnaire|withdrawal (?:symptom|scale)\w*|heroin|marijuana|cannabis|opioid agonist"),
    _Rule(32, 5, r"satisf\w+|(?:positive|negative)? ?predictive (?:value|power)s?|\bsensitivity\b|\bspecificity\b|(?-i:\bSEN\b)|diagnostic (?:value|performance|yield|efficacy)|working alliance|false (?:positive|negative)|completeness|completed\b|\benrol\w+|consent|feedback|turnaround|number of patients included|ROC\b"),
    _Rule(35, 5, r"discharge\w*|out of hospital|(?-i:\bICU\b)|intensive care"),
    _Rule(36, 5, r"(?:oxygen|O2) (?:therapy|support|requirement|supplement\w*|use|dependen\w+)|supplement\w* oxygen|oxygen supplement\w*|ventilat\w+|intubat\w+|(?-i:\bECMO\b)|extubat\w+|vasopressor\w*|dialysis|analges\w+ (?:and|drug|dose)\w*|dose of analgesic"),
    _Rule(1, 6, r"^(?:the |median |\d+-day )?survival\b|\bsurvival (?:analysis|without|free|in)\b|\bsurvived\b|deceased|dying\b|décès|fatal\w*|alive\b|overall surviv\w+"),
    _Rule(38, 7, r"(?:injection|administration|application)(?: \(\w+\))? site (?:reaction|pain)\w*|untoward|tolera(?:tion|nce)\b|(?:local|systemic|infusion|solicited) reactions?|vaccine events?"),
    _Rule(8, 5, r"dysphagia|heartburn|esophag\w+|swallow\w+|digestive|microbiota|intestinal flora"),
    _Rule(4, 6, r"congenital (?:anomal|malformation|abnormalit)\w*|birth defect\w*|chromosom\w+ abnormalit\w*"),
    _Rule(9, 3, r"pharmacokinetic\w*|(?-i:\bPK\b)|\bAUC\b(?!.{0,4} ?ROC)|\bAUC(?:0|inf|last|tau|t)\w*|\bC ?max\b|\bC-?trough\b|\bT ?max\b|half-life|clearance|plasma concentration\w*|serum concentration\w*|bioavailab\w*|bioequivalence|area under the (?:plasma )?(?:concentration|curve)\w*"),
    # what is left where nothing above is said
    _Rule(7, 4, r"\bFM-?100\b|colou?r (?:vision|discrimination)|contrast sensitivity"),
    _Rule(14, 4, r"(?-i:\b[FP]PG\b)|ketoacidosis|ketones?\b|hydroxybutyrate|uric acid|electrolyt\w*|vitamin D\b"),
    _Rule(19, 5, r"American Urolog\w+ (?:Association|Society)[ -]+Symptom|(?-i:\bAUA-?S[IS]\b)"),
    _Rule(11, 4, r"tumou?r necrosis factor|(?-i:\bTNF\b)"),
    _Rule(22, 4, r"blood gas\w*|\bpulmonary\b|partial pressure|PaCO2"),
    _Rule(30, 9, r"Expanded Prostate (?:Cancer )?Index|(?-i:\bEPIC-?(?:26|50|CP)?\b)"),
    _Rule(25, 4, r"exercise (?:capacity|tolerance|time|duration)|step counts?|steps (?:per|a) day|walking (?:distance|speed)|(?-i:\bVO2 ?(?:max|peak)\b)"),
    _Rule(2, 3, r"thrombin\w*|(?:von )?willebrand|fibrinogen|chimerism|(?-i:\bA?PTT\b)|bone marrow"),
    _Rule(24, 3, r"peak systolic|end[- ]diastolic velocity|arter(?:y|ial|ies)\b|blood flow|doppler"),
    _Rule(28, 3, r"self-?efficacy|(?:negative|positive) affect\b|\bmood\b"),
    _Rule(16, 2, r"leuk(?:a)?emi\w+|lymphomas?\b|myelomas?\b|cancers?\b|\w*carcinomas?\b|\w*sarcomas?\b|melanomas?\b|tumou?rs?\b(?! necrosis)|neoplas\w+|metasta\w+|malignan\w+|residual disease|(?-i:\bMRD\b)|(?-i:\bPSA\b)|biochemical (?:failure|recurrence|relapse|progression)"),
)  # fmt: skip


class EndpointLinker:
    """Gives each measure the domain of outcomes that it belongs to."""

    def __init__(self, concepts: Concepts) -> None:
        self._domains = {
            int(concept.id.rpartition(":")[2]): concept
            for concept in concepts.all("outcome")
            if concept.id.startswith("COMET:") and concept.id.rpartition(":")[2].isdecimal()
        }
        self._areas = {
            number: above.name
            for number, concept in self._domains.items()
            for parent in concept.parents[:1]
            if (above := concepts.get(parent))
        }
        self._rules = [(rule, re.compile(rule.pattern, re.I)) for rule in _RULES]

    def link(self, texts: Sequence[str], hints: Sequence[str | None]) -> list[list[Link]]:
        """One link for each measure, to its domain or to none; the hint (primary, secondary) is not needed for it."""
        return [[self._link(text)] for text in texts]

    def _link(self, whole: str) -> Link:
        text = whole.strip()[:_LONGEST]
        before = len(whole) - len(whole.lstrip()) if text else 0
        found = [
            (-rule.rank, match.start(), rule.domain, match)
            for rule, pattern in self._rules
            if rule.domain in self._domains and (match := pattern.search(text))
        ]
        if not found:
            return Link(before, before + len(text), text, None, "none", 0.0, kind="endpoint")
        rank, start, domain, match = min(found, key=lambda one: one[:3])
        rivals = {other for _, _, other, _ in found} - {domain}
        return Link(
            before + start,
            before + match.end(),
            match[0],
            self._domains[domain].id,
            "rule",
            (0.9 if -rank > _VAGUE else 0.7) if not rivals else 0.7 if -rank >= _TELLING else 0.5,
            match[0],
            kind="endpoint",
            qualifier=self._areas.get(domain, ""),
        )


_LONGEST = 1_000
"""Characters of a measure that are read, without the blanks around it."""
_VAGUE = 3
"""Rank up to which words tell little, though no others are said."""
_TELLING = 8
"""Rank from which on words decide whatever else is said."""
