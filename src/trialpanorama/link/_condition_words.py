"""The words by which the names of conditions are understood: which of them change the disease, and which do not.

All are compared as `_names.words` gives them: in lower case, American spelling and the singular.
"""

from __future__ import annotations

from trialpanorama.link._names import normalise, words


def _set(text: str) -> frozenset[str]:
    return frozenset(words(text))


def _names(text: str) -> frozenset[str]:
    return frozenset(normalise(name) for name in text.split(";"))


WHO = _set(
    """
    recipient fetus newborn patient subject participant people person individual volunteer adult adulthood elderly
    aged older old young infant child childhood children pediatric adolescent adolescence teen teenager youth
    neonate newborn man woman men women male female inpatient outpatient case survivor population sufferer infantile
    geriatric age year yr hospitalized hospitalised hospitalization ambulatory admitted maternal preschool
    jeune joven school postmenopausal premenopausal nulliparous veteran ventilated intubated
    """
)
"""Who has it."""
COURSE = _set(
    """
    nec complicated uncomplicated metastasico metastasica metastatique metastasiert avanzado avanzada severo grave
    schwer schwere leve moderado moderada null mild moderate severe very severity critical critically ill serious
    uncontrolled controlled poorly inadequately well stable unstable active inactive symptomatic asymptomatic early
    late newly recently diagnosed diagnosis untreated treated previously recurrent recurring relapsed relapsing
    relapse refractory persistent recurrence progressive progression resistant naive confirmed suspected probable
    possible proven documented laboratory clinically unspecified specified other new onset current ongoing advanced
    locally local metastatic disseminated resectable unresectable operable inoperable resected localized localised
    regional limited extensive invasive high low intermediate risk grade incident prevalent established intractable
    treatment status degree unilateral bilateral left right sided newonset extensive stage extent remission
    favorable undiagnosed novel complete preclinical subclinical prognosis poor good responsive protocol novo
    community acquired nos not otherwise classified elsewhere due known existing preexisting prodromal standard
    first second third line evolving pathologic unfavorable contiguous noncontiguous nonspecific unexplained
    histologically cytologically pathologically radiologically radiographically microbiologically serologically biopsy
    pcr rtpcr swab verified decompensated compensated massive painful adultonset earlyonset lateonset juvenileonset
    longterm longstanding longlasting extreme extremely excessive end oligometastatic nonmetastatic micrometastatic
    adjuvant neoadjuvant curative incurable terminal lifethreatening threatening life potentially highly slightly
    moderately severely heavily mildmoderate pretreated frequent repeated platinum sensitive indolent initial presumed
    worsening residual solitary medically surgically biochemically hospital occult advance unresponsive ineligible
    """
)
"""How far, how bad and since when it is there: the disease stays the same."""
TREATMENTS = _set(
    """
    chemotherapy chemo treatment therapy steroid corticosteroid glucocorticoid radioiodine immunotherapy transplant tki
    bcg platinum taxane anthracycline cisplatin docetaxel gemcitabine trastuzumab imatinib ibrutinib lenalidomide
    bortezomib rituximab sorafenib methotrexate anthracyclin tnf biologic dmard interferon
    """
)
"""Before the next words: what was or was not given before; the disease stays the same."""
TRIED = _set("naive refractory unresponsive ineligible experienced pretreated intolerant nonresponsive")
"""Behind those: how it went."""
WHEN = _set(
    """
    postoperative postop perioperative intraoperative preoperative postsurgical postpartum neonatal perinatal antenatal
    """
)
"""Around which event it is there: the disease stays the same, unless its name is so broad that the event tells it."""
WEAK = _set(
    """
    acute chronic subacute idiopathic sporadic organic simple agudo aguda cronico cronica aigu aigue chronique
    chronisch chronische akut akute
    """
)
"""Words that often do change the disease; left out only if the vocabulary knows the rest and not the whole."""
NOISE = _set(
    """
    prognostic parameter predictor disease disorder condition illness problem syndrome diagnosis symptom issue
    complaint unspecified other multiple various general all any type form subtype related associated episode
    management treatment therapy prevention prophylaxis care outcome prognosis screening diagnosis detection
    rehabilitation control complication comorbidity risk exposure study trial patient level moderate impact effect
    burden pandemic outbreak epidemic crisis sequelae manifestation confirmed etiology biomarker research prediction
    mortality death hospitalization recovery testing test positive progression incidence prevalence epidemiology
    knowledge awareness assessment evaluation monitoring protocol specific including such generalization emergency
    use infection infected virus viral drug medication effect cancelled transmission spread dynamic kinetic serology
    education intervention program service perception literacy stigma attitude practice experience perspective
    preparedness surveillance survivorship candidate severity consequence admission
    """
)
"""Words beside a disease that do not make it another one."""
KEPT = _set(
    """
    disease disorder syndrome type infection infected virus viral complication symptom problem form subtype drug
    medication effect
    """
)
"""Noise beside a disease, but not inside its name."""
SURGERY = _set("surgery surgical procedure operation elective")
"""Words that may be left out of the name of an operation."""
TUMORS = _set("carcinoma adenocarcinoma sarcoma lymphoma leukemia melanoma glioma myeloma")
"""Before these "primary" says only that it is not a metastasis."""
MARKERS = _set(
    "mutation mutant mutated amplified amplification rearrangement fusion overexpression positive negative wildtype"
)
"""Words behind the name of a gene that only say which tumor of one kind it is."""
RECEPTORS = _set("hormone receptor estrogen progesterone chromosome gene expressing philadelphia ph")
"""Words that stand before those, beside the names of genes."""
SYSTEMS = _set(
    """
    digestive respiratory nervous urinary immune endocrine reproductive lymphatic musculoskeletal cardiovascular
    """
)
"""Before a word for diseases these mean a system of organs."""
ENDINGS = ("disease", "disorder", "syndrome", "infection", "symptom", "condition")
BREAKS = _set(
    """
    and or with without in among after following during before by on at from versus vs plus but as requiring
    receiving undergoing causing caused induced related associated using who that which having comorbid complicated
    complicating among secondary under via through including excluding resulting leading is are has have had be
    being between against until when avec sans pour et un une la le les en con sin y das com sem
    und oder mit bei der die das den dem ohne el los las atteint while since where not no than if
    about because due presenting presented suffering experiencing undergone undergo scheduled planned receive received
    affected affecting assuming despite within needing need attending involving will may can although ie eg
    require required compared comparing
    """
)
"""Words behind and before which another thing may stand."""
TIES = _set("of to for de du des del do da dos di della dello dell von van au aux al alla")
"""What stands behind these says which: a part before them is not linked if the words behind are not understood."""
ARTICLES = _set("une un una la le les el los las der die das den dem")
"""Breaks that a tie may stand before: "cancer de la ..." is "cancer de"."""
GENERIC = _names(
    """disease; syndrome; disorder; infection; injury; complication; symptom; illness; condition; sign; wound; lesion;
    death; recurrence; chronic disease; acute disease; critical illness; rare disease; emergency; virus disease;
    communicable disease; bacterial infection; neoplasm metastasis; neoplasm; cancer; tumor; carcinoma; malignancy;
    malignant neoplasm; inflammation; disease progression; disease susceptibility; signs and symptoms; health;
    pathology; adenocarcinoma; cyst; ulcer; hemorrhage; congenital abnormality; abnormality; deformity; atrophy;
    necrosis; edema; ischemia; stenosis; pain; fever; cough; cytopenia; reinfection;
    persistent infection; latent infection"""
)
"""Names so broad that they are linked only where they stand alone."""
TOO_BROAD = _names(
    """disease; syndrome; disorder; condition; illness; sign; symptom; signs and symptoms; complication; problem;
    death; recurrence; emergency; health; pathology; disease progression; disease susceptibility; chronic disease;
    acute disease; lesion; injury; wound; recurrent disease; disease
    recurrence"""
)
"""Names that say too little to be linked wherever they occur in running text."""
_SAME = """
neoplasm cancer tumor malignancy neoplasia; disease disorder illness condition pathology; kidney renal; liver
hepatic; lung pulmonary; heart cardiac; stomach gastric; eye ocular; ovary ovarian; uterus uterine; pancreas
pancreatic; colon colonic; esophagus esophageal; larynx laryngeal; tooth dental; skin cutaneous; prostate prostatic;
testis testicular testicle; bone osseous; vagina vaginal; vulva vulvar; thymus thymic; spleen splenic; pharynx
pharyngeal; tongue lingual; intestine intestinal bowel; retina retinal; cornea corneal; pleura pleural; duodenum
duodenal; rectum rectal; breast mammary; adrenal suprarenal; nasopharynx nasopharyngeal; artery arterial; vein
venous; nerve neural; hypopharynx hypopharyngeal; oropharynx oropharyngeal; endometrium endometrial; peritoneum
peritoneal; mesothelium mesothelial; meninge meningeal; muscle muscular; virus viral; bacterium bacterial; fungus
fungal; child childhood pediatric; posttraumatic traumatic; relapse recurrence; trauma injury; mental psychiatric;
obstruction blockage; insufficiency failure; deficiency deficit; type typ tipo; respiratory resp; transplantation
transplant; ventilation ventilatory; anaplastic undifferentiated; abnormality anomaly malformation; delirium
delirious; hematologic hematopoietic; seizure convulsion; abuse misuse; sleep sleeping; degeneration degenerative;
lymphoid lymphoblastic lymphocytic; addiction dependence; myeloid myelogenous myelocytic myeloblastic
nonlymphocytic; deficit impairment; metabolism metabolic; nutrition nutritional; immunity immune; hormone hormonal;
ventricle ventricular; atrium atrial; olfaction olfactory; asthma asthmatic; hypertension hypertensive; obesity
obese; diabetes diabetic; infertility infertile; spine spinal; thrombosis thrombotic; embolism embolic; anxiety
anxious; brain cerebral; femur femoral; tibia tibial; humerus humeral; pelvis pelvic; vertebra vertebral; clavicle
clavicular; mandible mandibular; maxilla maxillary; nose nasal; face facial; mouth oral; penis penile; appendix
appendiceal; bronchus bronchial; trachea tracheal; aorta aortic; joint articular; gum gingival; syndrome syndrom;
postoperative postop; hemorrhage bleeding; calculus stone; palsy paralysis; rupture tear; pruritus itching itch;
stenosis stricture narrowing; allergy hypersensitivity allergic; cicatrix scar; patella patellar; tendon tendinous;
meniscus meniscal; ureter ureteral ureteric; urethra urethral; anus anal; conjunctiva conjunctival; choroid choroidal;
myocardium myocardial; pericardium pericardial; valve valvular; tonsil tonsillar; umbilicus umbilical; diaphragm
diaphragmatic; placenta placental; fetus fetal; abdomen abdominal; thorax thoracic; larynx laryngeal; orbit orbital;
pregnancy gestational pregnant; gastrointestinal gi; laceration lacerated; infarct infarction; dislocation luxation
"""
SAME = {word: group[0] for group in map(words, _SAME.split(";")) for word in group}
"""Words that mean the same inside the name of a disease, folded to the first of each group."""
MEANT = {"cirrhosis": "MESH:D008103", "hepatocellular cancer": "MESH:D006528"}
"""Names that a vocabulary also gives to something broader, and the concept that registers mean by them."""
ITSELF = frozenset(("MONDO:0100096", "DOID:0080600"))
"""Diseases that stay themselves whatever stands beside their name: COVID-19."""
KINDS = (
    ("C", "condition"), ("F01.145.126", "condition"), ("F01.470.132", "condition"), ("F03", "condition"),
    ("M", "population"), ("E", "procedure"), ("D", "drug"), ("F", "behaviour"), ("B", "organism"),
)  # fmt: skip
"""Branches of MeSH and the kind of mention that their concepts make."""
UNLINKED_KINDS = (
    (
        "procedure",
        _set(
            """
    surgery anesthesia anaesthesia ventilation intubation imaging ultrasound transplantation surgical mri
    vaccination catheterization analgesia block testing endoscopy
    """
        ),
    ),
    ("behaviour", _set("behavior exercise attitude wellbeing lifestyle adherence coping learning")),
    ("population", _set("volunteer worker student nurse caregiver personnel staff healthy family parent")),
)
"""What kind a mention has that nothing was found for, by its words."""
