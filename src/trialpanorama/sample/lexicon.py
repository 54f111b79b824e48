# ruff: noqa: E501 (tables of words)
"""The words fictional trials are made of: real diseases and generic drugs, invented everything else.

Disease names and their MeSH headings (unique ids of MeSH 2016) are common facts; no sentence is anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass

# fmt: off


@dataclass(frozen=True, slots=True)
class Condition:
    """A disease: how trials call it, what they give for it and what they measure."""

    heading: str
    """MeSH heading."""
    mesh: str
    """MeSH unique id."""
    area: str
    """Key of AREAS."""
    mentions: tuple[str, ...]
    drugs: tuple[str, ...]
    endpoints: tuple[tuple[str, str], ...]
    """Primary outcomes (measure, time frame), the likeliest first."""
    risk: float
    """How much this disease adds to the log odds that a trial stops early."""
    sex: str = "ALL"


@dataclass(frozen=True, slots=True)
class Area:
    """What trials of a field of medicine have in common."""

    other: tuple[tuple[str, str], ...]
    """Interventions that are no drugs (type, name)."""
    endpoints: tuple[tuple[str, str], ...]
    """Secondary outcomes (measure, time frame)."""
    inclusion: tuple[str, ...]
    exclusion: tuple[str, ...]
    events: tuple[tuple[str, str], ...]
    """Adverse events (term, organ system)."""


def _condition(
    heading: str, mesh: str, area: str, risk: float, mentions: str, drugs: str, endpoints: str, sex: str = "ALL"
) -> Condition:
    pairs = tuple((measure, frame) for measure, frame in (item.split(" @ ") for item in endpoints.split(" | ")))
    return Condition(heading, mesh, area, tuple(mentions.split(" | ")), tuple(drugs.split(" | ")), pairs, risk, sex)


CONDITIONS: tuple[Condition, ...] = (
    _condition("Diabetes Mellitus, Type 2", "D003924", "metabolic", -0.5, "Type 2 Diabetes | Type 2 Diabetes Mellitus | T2DM | Diabetes Mellitus, Type 2 | type II diabetes", "metformin | sitagliptin | empagliflozin | semaglutide | insulin glargine | pioglitazone", "Change from baseline in HbA1c @ 24 weeks | Change in fasting plasma glucose @ 12 weeks | Percentage of participants with HbA1c below 7.0% @ 26 weeks"),
    _condition("Obesity", "D009765", "metabolic", -0.3, "Obesity | Overweight and Obesity | Obese Adults | Morbid Obesity", "semaglutide | liraglutide | orlistat | phentermine | topiramate", "Percent change in body weight @ 52 weeks | Change in body mass index @ 6 months | Proportion of participants with at least 5% weight loss @ 26 weeks"),
    _condition("Hypercholesterolemia", "D006937", "metabolic", -0.6, "Hypercholesterolemia | Primary Hypercholesterolaemia | High LDL Cholesterol | Dyslipidemia", "atorvastatin | rosuvastatin | ezetimibe | evolocumab", "Percent change in LDL cholesterol @ 12 weeks | Percentage of participants who reach the LDL-C goal @ 24 weeks"),
    _condition("Polycystic Ovary Syndrome", "D011085", "women", 0.0, "Polycystic Ovary Syndrome | PCOS | Polycystic Ovarian Syndrome", "metformin | letrozole | clomiphene | spironolactone", "Ovulation rate @ 3 months | Live birth rate @ 12 months | Change in free testosterone @ 16 weeks", "FEMALE"),
    _condition("Hypertension", "D006973", "cardiovascular", -0.5, "Hypertension | Essential Hypertension | High Blood Pressure | Arterial Hypertension", "amlodipine | valsartan | losartan | hydrochlorothiazide | spironolactone", "Change in seated systolic blood pressure @ 8 weeks | Change in 24-hour ambulatory systolic blood pressure @ 12 weeks | Blood pressure control rate @ 6 months"),
    _condition("Heart Failure", "D006333", "cardiovascular", 0.2, "Heart Failure | Chronic Heart Failure | Congestive Heart Failure | Heart Failure With Reduced Ejection Fraction | HFrEF", "dapagliflozin | bisoprolol | eplerenone | ivabradine | torsemide", "Time to first heart failure hospitalization or cardiovascular death @ Up to 36 months | Change in NT-proBNP @ 12 weeks | Change in six-minute walk distance @ 24 weeks"),
    _condition("Myocardial Infarction", "D009203", "cardiovascular", 0.1, "Myocardial Infarction | Acute Myocardial Infarction | STEMI | ST-Elevation Myocardial Infarction", "ticagrelor | clopidogrel | colchicine | aspirin | metoprolol", "Major adverse cardiovascular events @ 12 months | Infarct size by cardiac magnetic resonance @ 30 days | Left ventricular ejection fraction @ 6 months"),
    _condition("Atrial Fibrillation", "D001281", "cardiovascular", 0.1, "Atrial Fibrillation | Nonvalvular Atrial Fibrillation | AF | Persistent Atrial Fibrillation", "apixaban | dabigatran | amiodarone | flecainide", "Freedom from atrial arrhythmia @ 12 months | Stroke or systemic embolism @ Up to 24 months | Major bleeding @ 12 months"),
    _condition("Stroke", "D020521", "neurology", 0.5, "Stroke | Acute Ischemic Stroke | Ischaemic Stroke | Cerebrovascular Accident", "tenecteplase | alteplase | clopidogrel | fluoxetine | cilostazol", "Modified Rankin Scale score @ 90 days | Change in NIH Stroke Scale score @ 7 days | Recurrent stroke @ 12 months"),
    _condition("Alzheimer Disease", "D000544", "neurology", 0.6, "Alzheimer's Disease | Alzheimer Disease | Mild Alzheimer's Disease | Dementia of Alzheimer Type", "donepezil | memantine | rivastigmine | galantamine", "Change in ADAS-Cog score @ 26 weeks | Change in CDR Sum of Boxes @ 18 months | Change in amyloid PET standardized uptake value ratio @ 12 months"),
    _condition("Parkinson Disease", "D010300", "neurology", 0.2, "Parkinson's Disease | Parkinson Disease | Idiopathic Parkinson's Disease", "levodopa | pramipexole | rasagiline | amantadine | safinamide", "Change in MDS-UPDRS Part III score @ 12 weeks | Change in daily off time @ 12 weeks"),
    _condition("Multiple Sclerosis", "D009103", "neurology", 0.1, "Multiple Sclerosis | Relapsing-Remitting Multiple Sclerosis | RRMS | Relapsing Multiple Sclerosis", "ocrelizumab | fingolimod | dimethyl fumarate | teriflunomide", "Annualized relapse rate @ 96 weeks | Number of new gadolinium-enhancing T1 lesions @ 24 weeks | Time to confirmed disability progression @ 24 months"),
    _condition("Migraine Disorders", "D008881", "neurology", -0.3, "Migraine | Episodic Migraine | Chronic Migraine | Migraine Disorders", "topiramate | erenumab | sumatriptan | propranolol | rimegepant", "Change in monthly migraine days @ 12 weeks | Freedom from pain @ 2 hours after dose"),
    _condition("Epilepsy", "D004827", "neurology", 0.2, "Epilepsy | Focal Epilepsy | Partial-Onset Seizures | Drug-Resistant Epilepsy", "levetiracetam | lamotrigine | cannabidiol | brivaracetam", "Percent change in seizure frequency per 28 days @ 12 weeks | 50% responder rate @ 12 weeks"),
    _condition("Amyotrophic Lateral Sclerosis", "D000690", "neurology", 0.5, "Amyotrophic Lateral Sclerosis | ALS | Motor Neurone Disease", "riluzole | edaravone | memantine", "Change in ALSFRS-R total score @ 24 weeks | Survival without tracheostomy @ 18 months"),
    _condition("Depressive Disorder, Major", "D003865", "psychiatry", 0.0, "Major Depressive Disorder | Depression | Major Depression | MDD | Treatment Resistant Depression", "escitalopram | sertraline | esketamine | vortioxetine | venlafaxine", "Change in Montgomery-Asberg Depression Rating Scale total score @ 8 weeks | Remission by HAM-D-17 @ 12 weeks | Response by PHQ-9 @ 8 weeks"),
    _condition("Schizophrenia", "D012559", "psychiatry", 0.3, "Schizophrenia | Acute Schizophrenia | Schizophrenia Spectrum Disorder", "olanzapine | risperidone | aripiprazole | clozapine | cariprazine", "Change in PANSS total score @ 6 weeks | Time to relapse @ Up to 52 weeks"),
    _condition("Anxiety Disorders", "D001008", "psychiatry", 0.0, "Generalized Anxiety Disorder | Anxiety Disorders | Anxiety | GAD", "escitalopram | pregabalin | duloxetine | buspirone", "Change in Hamilton Anxiety Rating Scale score @ 8 weeks | Change in GAD-7 score @ 12 weeks"),
    _condition("Sleep Initiation and Maintenance Disorders", "D007319", "psychiatry", -0.4, "Insomnia | Primary Insomnia | Insomnia Disorder | Chronic Insomnia", "suvorexant | zolpidem | melatonin | lemborexant", "Change in Insomnia Severity Index score @ 8 weeks | Change in latency to persistent sleep @ 4 weeks"),
    _condition("Tobacco Use Disorder", "D014029", "psychiatry", 0.0, "Smoking Cessation | Tobacco Use Disorder | Nicotine Dependence | Tobacco Dependence", "varenicline | bupropion | nicotine | cytisine", "Continuous abstinence confirmed by carbon monoxide @ 6 months | Seven-day point prevalence abstinence @ 12 weeks"),
    _condition("Breast Neoplasms", "D001943", "oncology", 0.4, "Breast Cancer | Metastatic Breast Cancer | Early Breast Cancer | HER2-positive Breast Cancer | Breast Neoplasms", "trastuzumab | tamoxifen | letrozole | palbociclib | capecitabine | docetaxel", "Progression-free survival @ Up to 36 months | Pathological complete response rate @ At surgery, about 24 weeks | Invasive disease-free survival @ 5 years", "FEMALE"),
    _condition("Prostatic Neoplasms", "D011471", "oncology", 0.2, "Prostate Cancer | Metastatic Castration-Resistant Prostate Cancer | mCRPC | Localized Prostate Cancer", "enzalutamide | abiraterone | docetaxel | leuprolide | bicalutamide", "Radiographic progression-free survival @ Up to 36 months | PSA response rate @ 12 weeks | Biochemical failure @ 5 years", "MALE"),
    _condition("Carcinoma, Non-Small-Cell Lung", "D002289", "oncology", 0.7, "Non-small Cell Lung Cancer | NSCLC | Lung Cancer | Advanced Non-Small Cell Lung Carcinoma", "pembrolizumab | osimertinib | pemetrexed | cisplatin | carboplatin | erlotinib", "Overall survival @ Up to 48 months | Progression-free survival @ Up to 24 months | Objective response rate by RECIST 1.1 @ Up to 24 months"),
    _condition("Colorectal Neoplasms", "D015179", "oncology", 0.4, "Colorectal Cancer | Metastatic Colorectal Cancer | Colon Cancer | Rectal Cancer", "bevacizumab | cetuximab | oxaliplatin | irinotecan | capecitabine", "Progression-free survival @ Up to 24 months | Disease-free survival @ 3 years | Objective response rate by RECIST 1.1 @ 16 weeks"),
    _condition("Pancreatic Neoplasms", "D010190", "oncology", 0.9, "Pancreatic Cancer | Metastatic Pancreatic Adenocarcinoma | Pancreatic Ductal Adenocarcinoma | PDAC", "gemcitabine | paclitaxel | irinotecan | oxaliplatin | erlotinib", "Overall survival @ Up to 24 months | Maximum tolerated dose @ 28 days | Resection rate @ 6 months"),
    _condition("Carcinoma, Hepatocellular", "D006528", "oncology", 0.6, "Hepatocellular Carcinoma | HCC | Liver Cancer | Unresectable Hepatocellular Carcinoma", "sorafenib | lenvatinib | atezolizumab | regorafenib", "Overall survival @ Up to 36 months | Objective response rate by mRECIST @ Up to 24 months"),
    _condition("Ovarian Neoplasms", "D010051", "oncology", 0.6, "Ovarian Cancer | Recurrent Ovarian Cancer | Platinum-Resistant Ovarian Cancer | Epithelial Ovarian Carcinoma", "olaparib | niraparib | carboplatin | paclitaxel | bevacizumab", "Progression-free survival @ Up to 36 months | Objective response rate by RECIST 1.1 @ Up to 12 months", "FEMALE"),
    _condition("Melanoma", "D008545", "oncology", 0.5, "Melanoma | Metastatic Melanoma | Advanced Melanoma | Malignant Melanoma", "nivolumab | ipilimumab | dabrafenib | vemurafenib", "Recurrence-free survival @ 3 years | Objective response rate by RECIST 1.1 @ Up to 24 months | Dose-limiting toxicities @ 28 days"),
    _condition("Multiple Myeloma", "D009101", "oncology", 0.4, "Multiple Myeloma | Relapsed or Refractory Multiple Myeloma | Newly Diagnosed Multiple Myeloma", "lenalidomide | bortezomib | daratumumab | carfilzomib | dexamethasone", "Progression-free survival @ Up to 48 months | Overall response rate by IMWG criteria @ Up to 12 months | Minimal residual disease negativity @ 12 months"),
    _condition("Leukemia, Myeloid, Acute", "D015470", "oncology", 0.7, "Acute Myeloid Leukemia | AML | Acute Myeloid Leukaemia | Relapsed AML", "cytarabine | azacitidine | venetoclax | midostaurin | daunorubicin", "Complete remission rate @ 60 days | Overall survival @ Up to 36 months | Dose-limiting toxicities @ 28 days"),
    _condition("Asthma", "D001249", "respiratory", -0.3, "Asthma | Severe Asthma | Persistent Asthma | Bronchial Asthma | Eosinophilic Asthma", "budesonide | formoterol | montelukast | omalizumab | mepolizumab", "Change in morning trough FEV1 @ 12 weeks | Annualized rate of severe exacerbations @ 52 weeks | Change in Asthma Control Questionnaire score @ 24 weeks"),
    _condition("Pulmonary Disease, Chronic Obstructive", "D029424", "respiratory", -0.2, "COPD | Chronic Obstructive Pulmonary Disease | Pulmonary Disease, Chronic Obstructive", "tiotropium | umeclidinium | fluticasone | azithromycin | roflumilast", "Change in trough FEV1 @ 12 weeks | Rate of moderate or severe exacerbations @ 52 weeks | Change in St George's Respiratory Questionnaire total score @ 24 weeks"),
    _condition("Cystic Fibrosis", "D003550", "respiratory", 0.1, "Cystic Fibrosis | CF | Mucoviscidosis", "ivacaftor | tobramycin | azithromycin | dornase alfa", "Absolute change in percent predicted FEV1 @ 24 weeks | Change in sweat chloride @ 4 weeks"),
    _condition("Influenza, Human", "D007251", "infection", -0.5, "Influenza | Seasonal Influenza | Influenza, Human | Flu", "oseltamivir | baloxavir | zanamivir", "Time to alleviation of symptoms @ 14 days | Seroconversion rate by haemagglutination inhibition @ 21 days after vaccination"),
    _condition("HIV Infections", "D015658", "infection", 0.0, "HIV Infections | HIV-1 Infection | HIV/AIDS | Human Immunodeficiency Virus", "dolutegravir | tenofovir | lamivudine | efavirenz | darunavir", "Proportion with HIV-1 RNA below 50 copies/mL @ 48 weeks | Change in CD4 count @ 48 weeks | HIV incidence @ 24 months"),
    _condition("Hepatitis C, Chronic", "D019698", "infection", 0.0, "Chronic Hepatitis C | Hepatitis C Virus Infection | HCV | Hepatitis C, Chronic", "sofosbuvir | ribavirin | ledipasvir | daclatasvir", "Sustained virologic response 12 weeks after treatment @ 24 weeks"),
    _condition("Tuberculosis, Pulmonary", "D014397", "infection", 0.0, "Pulmonary Tuberculosis | Tuberculosis | TB | Drug-Resistant Tuberculosis", "isoniazid | rifapentine | bedaquiline | moxifloxacin | linezolid", "Sputum culture conversion @ 8 weeks | Relapse-free cure @ 18 months"),
    _condition("Malaria, Falciparum", "D016778", "infection", -0.5, "Malaria | Plasmodium Falciparum Malaria | Uncomplicated Malaria | Falciparum Malaria", "artemether | lumefantrine | artesunate | amodiaquine | primaquine", "PCR-corrected adequate clinical and parasitological response @ 28 days | Malaria incidence @ 12 months"),
    _condition("Sepsis", "D018805", "infection", 0.8, "Sepsis | Septic Shock | Severe Sepsis", "hydrocortisone | vasopressin | norepinephrine | meropenem", "All-cause mortality @ 28 days | Vasopressor-free days @ 28 days | Change in SOFA score @ 72 hours"),
    _condition("Arthritis, Rheumatoid", "D001172", "immunology", 0.0, "Rheumatoid Arthritis | Arthritis, Rheumatoid | RA | Active Rheumatoid Arthritis", "methotrexate | adalimumab | tofacitinib | etanercept | rituximab", "ACR20 response @ 12 weeks | DAS28-CRP remission @ 24 weeks | Change in modified total Sharp score @ 52 weeks"),
    _condition("Lupus Erythematosus, Systemic", "D008180", "immunology", 0.6, "Systemic Lupus Erythematosus | SLE | Lupus Nephritis", "hydroxychloroquine | belimumab | mycophenolate mofetil | prednisone", "SRI-4 response @ 52 weeks | Complete renal response @ 52 weeks"),
    _condition("Psoriasis", "D011565", "immunology", -0.4, "Psoriasis | Plaque Psoriasis | Moderate to Severe Plaque Psoriasis | Psoriasis Vulgaris", "secukinumab | ustekinumab | apremilast | methotrexate", "PASI 75 response @ 12 weeks | PASI 90 response @ 16 weeks | Investigator's Global Assessment of 0 or 1 @ 16 weeks"),
    _condition("Dermatitis, Atopic", "D003876", "immunology", -0.3, "Atopic Dermatitis | Eczema | Dermatitis, Atopic | Atopic Eczema", "dupilumab | tacrolimus | upadacitinib | hydrocortisone", "EASI-75 response @ 16 weeks | Investigator's Global Assessment of 0 or 1 @ 16 weeks | Change in peak pruritus numerical rating scale @ 12 weeks"),
    _condition("Crohn Disease", "D003424", "immunology", 0.5, "Crohn's Disease | Crohn Disease | Moderate to Severe Crohn's Disease", "infliximab | vedolizumab | azathioprine | ustekinumab | budesonide", "Clinical remission by CDAI @ 12 weeks | Endoscopic response @ 52 weeks"),
    _condition("Colitis, Ulcerative", "D003093", "immunology", 0.3, "Ulcerative Colitis | Colitis, Ulcerative | Active Ulcerative Colitis | UC", "mesalamine | tofacitinib | vedolizumab | infliximab", "Clinical remission by Mayo score @ 8 weeks | Mucosal healing @ 52 weeks"),
    _condition("Renal Insufficiency, Chronic", "D051436", "renal", 0.2, "Chronic Kidney Disease | CKD | Chronic Renal Insufficiency | Chronic Kidney Failure", "dapagliflozin | finerenone | losartan | sevelamer | allopurinol", "Change in estimated glomerular filtration rate @ 24 months | Percent change in urine albumin-to-creatinine ratio @ 12 weeks"),
    _condition("Anemia, Sickle Cell", "D000755", "renal", 0.5, "Sickle Cell Disease | Sickle Cell Anemia | SCD", "hydroxyurea | glutamine | crizanlizumab", "Annualized rate of vaso-occlusive crises @ 12 months | Change in haemoglobin @ 24 weeks"),
    _condition("Pain, Postoperative", "D010149", "surgery", -0.7, "Postoperative Pain | Pain, Postoperative | Acute Pain | Analgesia", "bupivacaine | ropivacaine | dexmedetomidine | ketamine | paracetamol", "Pain score on the visual analogue scale @ 24 hours | Total opioid consumption @ 24 hours | Time to first rescue analgesia @ 48 hours"),
    _condition("Osteoarthritis, Knee", "D020370", "surgery", -0.2, "Knee Osteoarthritis | Osteoarthritis, Knee | Gonarthrosis", "celecoxib | diclofenac | hyaluronic acid | triamcinolone | duloxetine", "Change in WOMAC pain subscale @ 12 weeks | Knee injury and Osteoarthritis Outcome Score @ 6 months"),
    _condition("Osteoporosis, Postmenopausal", "D015663", "surgery", -0.2, "Postmenopausal Osteoporosis | Osteoporosis | Osteoporosis, Postmenopausal", "alendronate | denosumab | teriparatide | zoledronic acid", "Percent change in lumbar spine bone mineral density @ 12 months | New vertebral fractures @ 24 months", "FEMALE"),
    _condition("Glaucoma, Open-Angle", "D005902", "surgery", -0.4, "Open Angle Glaucoma | Glaucoma | Ocular Hypertension | Primary Open-Angle Glaucoma", "latanoprost | timolol | bimatoprost | brimonidine", "Change in intraocular pressure @ 12 weeks | Diurnal intraocular pressure @ 3 months"),
    _condition("Endometriosis", "D004715", "women", 0.3, "Endometriosis | Endometriosis-Related Pain | Pelvic Pain", "dienogest | elagolix | leuprolide | letrozole", "Change in dysmenorrhoea numerical rating scale @ 12 weeks | Endometrioma recurrence @ 24 months", "FEMALE"),
    _condition("Pre-Eclampsia", "D011225", "women", 0.2, "Preeclampsia | Pre-Eclampsia | Severe Preeclampsia", "aspirin | magnesium sulfate | labetalol | nifedipine", "Preterm preeclampsia @ Before 37 weeks of gestation | Time to control of severe hypertension @ 24 hours", "FEMALE"),
)

_EXERCISE = ("BEHAVIORAL", "Supervised exercise training")
AREAS: dict[str, Area] = {
    "metabolic": Area(
        (("BEHAVIORAL", "Lifestyle counselling"), ("DIETARY_SUPPLEMENT", "Vitamin D"), ("DEVICE", "Continuous glucose monitor"), _EXERCISE),
        (("Change in body weight", "24 weeks"), ("Change in waist circumference", "24 weeks"), ("Change in triglycerides", "12 weeks"), ("Number of hypoglycaemic episodes", "Up to 26 weeks"), ("Change in homeostasis model assessment of insulin resistance", "12 weeks")),
        ("HbA1c between 7.0% and 10.5% at screening", "Body mass index >= 25 kg/m2 and <= 45 kg/m2", "Stable dose of background medication for at least 8 weeks", "Fasting plasma glucose <= 270 mg/dL"),
        ("Type 1 diabetes or history of ketoacidosis", "Estimated glomerular filtration rate < 45 mL/min/1.73 m2", "Use of systemic corticosteroids within 4 weeks before screening", "History of pancreatitis", "Bariatric surgery in the past or planned during the study"),
        (("Nausea", "Gastrointestinal disorders"), ("Diarrhoea", "Gastrointestinal disorders"), ("Hypoglycaemia", "Metabolism and nutrition disorders"), ("Headache", "Nervous system disorders"), ("Nasopharyngitis", "Infections and infestations")),
    ),
    "cardiovascular": Area(
        (("DEVICE", "Implantable loop recorder"), ("PROCEDURE", "Catheter ablation"), ("BEHAVIORAL", "Cardiac rehabilitation"), ("DEVICE", "Drug-eluting stent"), ("BEHAVIORAL", "Low-sodium diet")),
        (("All-cause mortality", "12 months"), ("Change in Kansas City Cardiomyopathy Questionnaire score", "6 months"), ("Hospitalization for any cause", "Up to 12 months"), ("Change in left ventricular ejection fraction", "6 months"), ("Change in diastolic blood pressure", "8 weeks")),
        ("Left ventricular ejection fraction <= 40% within 6 months before enrolment", "New York Heart Association class II to IV", "Sinus rhythm on a 12-lead electrocardiogram", "Systolic blood pressure >= 100 mmHg and < 180 mmHg"),
        ("Stroke or transient ischaemic attack within 3 months", "Severe valvular disease that needs surgery", "Serum potassium > 5.5 mmol/L", "Planned coronary revascularization", "Life expectancy of less than 12 months"),
        (("Dizziness", "Nervous system disorders"), ("Hypotension", "Vascular disorders"), ("Hyperkalaemia", "Metabolism and nutrition disorders"), ("Atrial fibrillation", "Cardiac disorders"), ("Cough", "Respiratory, thoracic and mediastinal disorders")),
    ),
    "neurology": Area(
        (("DEVICE", "Transcranial magnetic stimulation"), ("BEHAVIORAL", "Cognitive training"), ("PROCEDURE", "Mechanical thrombectomy"), ("BEHAVIORAL", "Task-oriented physiotherapy"), ("DEVICE", "Vagus nerve stimulation")),
        (("Change in quality of life by EQ-5D-5L", "12 months"), ("Change in Mini-Mental State Examination score", "26 weeks"), ("Barthel Index", "90 days"), ("Change in serum neurofilament light chain", "24 weeks"), ("Caregiver burden", "6 months")),
        ("Diagnosis confirmed by a neurologist", "Magnetic resonance imaging of the brain within 12 months", "A caregiver who can attend all visits", "Mini-Mental State Examination score of 16 to 26"),
        ("Any other central nervous system disease that could explain the symptoms", "Contraindication to magnetic resonance imaging", "Suicidal ideation within 6 months", "Treatment with another disease-modifying drug within 5 half-lives", "Seizure within the last 12 months"),
        (("Headache", "Nervous system disorders"), ("Somnolence", "Nervous system disorders"), ("Fall", "Injury, poisoning and procedural complications"), ("Fatigue", "General disorders"), ("Urinary tract infection", "Infections and infestations")),
    ),
    "psychiatry": Area(
        (("BEHAVIORAL", "Cognitive behavioural therapy"), ("BEHAVIORAL", "Mindfulness-based intervention"), ("DEVICE", "Smartphone application"), ("BEHAVIORAL", "Motivational interviewing")),
        (("Change in Clinical Global Impression - Severity score", "8 weeks"), ("Change in Sheehan Disability Scale", "12 weeks"), ("Change in Pittsburgh Sleep Quality Index", "8 weeks"), ("Treatment discontinuation for any reason", "12 weeks"), ("Working alliance", "12 weeks")),
        ("Diagnosis by structured clinical interview according to DSM-5", "Montgomery-Asberg Depression Rating Scale total score >= 22", "Clinical Global Impression - Severity score >= 4", "Stable psychotropic medication for at least 4 weeks"),
        ("Bipolar disorder or psychotic features", "Substance use disorder within 6 months, nicotine excepted", "Imminent risk of suicide", "Electroconvulsive therapy in the current episode", "Positive urine drug screen"),
        (("Insomnia", "Psychiatric disorders"), ("Nausea", "Gastrointestinal disorders"), ("Somnolence", "Nervous system disorders"), ("Weight increased", "Investigations"), ("Dry mouth", "Gastrointestinal disorders")),
    ),
    "oncology": Area(
        (("RADIATION", "Stereotactic body radiotherapy"), ("PROCEDURE", "Laparoscopic resection"), ("RADIATION", "Hypofractionated radiotherapy"), ("BEHAVIORAL", "Early palliative care"), ("GENETIC", "Circulating tumour DNA testing")),
        (("Overall survival", "Up to 60 months"), ("Duration of response", "Up to 24 months"), ("Disease control rate", "16 weeks"), ("Incidence of adverse events by CTCAE v5.0", "Up to 24 months"), ("Change in EORTC QLQ-C30 global health status", "6 months"), ("Time to progression", "Up to 24 months")),
        ("Histologically or cytologically confirmed disease", "At least one measurable lesion by RECIST 1.1", "ECOG performance status 0 or 1", "Absolute neutrophil count >= 1.5 x 10^9/L and platelets >= 100 x 10^9/L", "Adequate tumour tissue for central biomarker testing", "Life expectancy of at least 3 months"),
        ("Active or untreated brain metastases", "Prior treatment with the study drug or a drug of the same class", "Autoimmune disease that needed systemic treatment within 2 years", "Another malignancy within 5 years", "Major surgery within 4 weeks", "Peripheral neuropathy of grade 2 or higher", "Left ventricular ejection fraction < 50%"),
        (("Neutropenia", "Blood and lymphatic system disorders"), ("Anaemia", "Blood and lymphatic system disorders"), ("Fatigue", "General disorders"), ("Nausea", "Gastrointestinal disorders"), ("Alopecia", "Skin and subcutaneous tissue disorders"), ("Febrile neutropenia", "Blood and lymphatic system disorders")),
    ),
    "respiratory": Area(
        (("BEHAVIORAL", "Pulmonary rehabilitation"), ("DEVICE", "Nasal high flow therapy"), ("DEVICE", "Digital inhaler"), ("BEHAVIORAL", "Breathing exercises")),
        (("Change in forced vital capacity", "24 weeks"), ("Rescue medication use", "12 weeks"), ("Change in six-minute walk distance", "12 weeks"), ("Time to first exacerbation", "Up to 52 weeks"), ("Change in blood eosinophil count", "24 weeks")),
        ("Post-bronchodilator FEV1 of 30% to 80% of predicted", "At least one exacerbation in the past 12 months", "Current or former smoker with at least 10 pack-years", "Inhaled corticosteroid at a stable dose for at least 4 weeks"),
        ("Respiratory infection within 4 weeks", "Long-term oxygen therapy for more than 15 hours a day", "Another clinically relevant lung disease", "Lung volume reduction surgery", "Current use of electronic cigarettes"),
        (("Nasopharyngitis", "Infections and infestations"), ("Pneumonia", "Infections and infestations"), ("Oral candidiasis", "Infections and infestations"), ("Headache", "Nervous system disorders"), ("Dysphonia", "Respiratory, thoracic and mediastinal disorders")),
    ),
    "infection": Area(
        (("BIOLOGICAL", "Candidate vaccine"), ("BIOLOGICAL", "Convalescent plasma"), ("DIAGNOSTIC_TEST", "Point-of-care test"), ("BEHAVIORAL", "Adherence support by text message")),
        (("All-cause mortality", "90 days"), ("Time to viral clearance", "Up to 28 days"), ("Length of hospital stay", "Up to 60 days"), ("Adverse events of grade 3 or 4", "48 weeks"), ("Emergence of drug resistance", "48 weeks")),
        ("Infection confirmed by polymerase chain reaction or culture", "Symptom onset within 72 hours before randomization", "Willing to be tested for HIV", "Body weight >= 35 kg"),
        ("Known allergy to any of the study drugs", "Alanine aminotransferase > 5 times the upper limit of normal", "Receipt of blood products within 3 months", "Immunosuppressive treatment", "QTc interval > 450 ms"),
        (("Pyrexia", "General disorders"), ("Vomiting", "Gastrointestinal disorders"), ("Rash", "Skin and subcutaneous tissue disorders"), ("Headache", "Nervous system disorders"), ("Alanine aminotransferase increased", "Investigations")),
    ),
    "immunology": Area(
        (("PROCEDURE", "Faecal microbiota transplantation"), ("DEVICE", "Narrowband UVB phototherapy"), ("DIETARY_SUPPLEMENT", "Omega-3 fatty acids"), ("BEHAVIORAL", "Self-management programme")),
        (("Change in C-reactive protein", "12 weeks"), ("Change in SF-36 physical component score", "24 weeks"), ("Change in Health Assessment Questionnaire disability index", "24 weeks"), ("Change in Dermatology Life Quality Index", "16 weeks"), ("Corticosteroid-free remission", "52 weeks")),
        ("Active disease for at least 6 months before screening", "Inadequate response or intolerance to at least one conventional treatment", "C-reactive protein >= 5 mg/L", "Negative test for tuberculosis"),
        ("Active or latent tuberculosis that was not treated", "Hepatitis B surface antigen positive", "Live vaccine within 4 weeks", "Prior exposure to more than two biologicals", "History of demyelinating disease"),
        (("Upper respiratory tract infection", "Infections and infestations"), ("Injection site reaction", "General disorders"), ("Herpes zoster", "Infections and infestations"), ("Headache", "Nervous system disorders"), ("Arthralgia", "Musculoskeletal and connective tissue disorders")),
    ),
    "renal": Area(
        (("PROCEDURE", "Haemodialysis with cooled dialysate"), ("BEHAVIORAL", "Low-protein diet"), ("DEVICE", "Bioimpedance spectroscopy"), ("BIOLOGICAL", "Red blood cell exchange")),
        (("Change in serum creatinine", "12 months"), ("Time to end-stage kidney disease", "Up to 36 months"), ("Change in serum phosphate", "12 weeks"), ("Hospital days", "12 months"), ("Change in haemoglobin", "24 weeks")),
        ("Estimated glomerular filtration rate of 25 to 60 mL/min/1.73 m2", "Urine albumin-to-creatinine ratio >= 200 mg/g", "Maximum tolerated dose of a renin-angiotensin inhibitor", "Haemoglobin >= 6 g/dL and <= 10 g/dL"),
        ("Dialysis within the last 3 months", "Kidney transplant in the past or planned", "Polycystic kidney disease", "Serum potassium > 5.0 mmol/L", "Chronic transfusion programme"),
        (("Hyperkalaemia", "Metabolism and nutrition disorders"), ("Oedema peripheral", "General disorders"), ("Anaemia", "Blood and lymphatic system disorders"), ("Back pain", "Musculoskeletal and connective tissue disorders"), ("Pyrexia", "General disorders")),
    ),
    "surgery": Area(
        (("PROCEDURE", "Erector spinae plane block"), ("PROCEDURE", "Robot-assisted surgery"), ("DEVICE", "Transcutaneous electrical nerve stimulation"), _EXERCISE, ("PROCEDURE", "Selective laser trabeculoplasty")),
        (("Length of hospital stay", "Up to 30 days"), ("Postoperative nausea and vomiting", "24 hours"), ("Patient satisfaction score", "48 hours"), ("Surgical complications by Clavien-Dindo grade", "30 days"), ("Change in range of motion", "12 weeks")),
        ("American Society of Anesthesiologists physical status I to III", "Scheduled for elective surgery under general anaesthesia", "Kellgren-Lawrence grade 2 or 3 on radiographs", "Pain score >= 40 mm on a 100 mm visual analogue scale"),
        ("Coagulopathy or anticoagulant treatment", "Chronic opioid use", "Infection at the site of the procedure", "Allergy to local anaesthetics", "Intra-articular injection within 3 months"),
        (("Nausea", "Gastrointestinal disorders"), ("Vomiting", "Gastrointestinal disorders"), ("Pruritus", "Skin and subcutaneous tissue disorders"), ("Hypotension", "Vascular disorders"), ("Conjunctival hyperaemia", "Eye disorders")),
    ),
    "women": Area(
        (("PROCEDURE", "Laparoscopic excision"), ("DIETARY_SUPPLEMENT", "Myo-inositol"), ("DEVICE", "Home blood pressure telemonitoring"), ("BEHAVIORAL", "Pelvic floor muscle training")),
        (("Clinical pregnancy rate", "12 weeks"), ("Neonatal intensive care admission", "28 days after birth"), ("Change in menstrual cycle length", "6 months"), ("Endometriosis Health Profile-30 score", "24 weeks"), ("Caesarean section rate", "At delivery")),
        ("Diagnosis according to the Rotterdam criteria", "Singleton pregnancy between 11 and 14 weeks of gestation", "Surgical diagnosis within the last 10 years", "Desire to conceive for at least 12 months"),
        ("Fetal anomaly on ultrasound", "Hormonal contraception within 3 months", "Undiagnosed vaginal bleeding", "Hysterectomy or bilateral oophorectomy", "Uncontrolled thyroid disease"),
        (("Headache", "Nervous system disorders"), ("Hot flush", "Vascular disorders"), ("Nausea", "Gastrointestinal disorders"), ("Vaginal haemorrhage", "Reproductive system and breast disorders"), ("Premature delivery", "Pregnancy, puerperium and perinatal conditions")),
    ),
}

BIOLOGICALS = frozenset(["semaglutide", "liraglutide", "evolocumab", "ocrelizumab", "erenumab", "trastuzumab", "pembrolizumab", "bevacizumab", "cetuximab", "atezolizumab", "nivolumab", "ipilimumab", "daratumumab", "omalizumab", "mepolizumab", "adalimumab", "etanercept", "rituximab", "belimumab", "secukinumab", "ustekinumab", "dupilumab", "infliximab", "vedolizumab", "denosumab", "crizanlizumab"])

GENERAL_INCLUSION = (
    "Written informed consent",
    "Able and willing to comply with all study procedures",
    "Women of childbearing potential must have a negative pregnancy test and use effective contraception",
    "Adequate liver and kidney function",
    "Able to read and understand the local language",
    "Capable of giving informed consent personally or through a legal representative",
)
GENERAL_EXCLUSION = (
    "Pregnant or breastfeeding women",
    "Participation in another interventional trial within 30 days or 5 half-lives, whichever is longer",
    "Known hypersensitivity to the study drug or any of its excipients",
    "Any condition that in the investigator's opinion would make participation unsafe",
    "Severe hepatic impairment (Child-Pugh C)",
    "History of alcohol or drug abuse within 12 months",
    "Unable to attend follow-up visits",
)
STRICT_INCLUSION = (
    "No prior systemic treatment of any kind for this disease",
    "Documented presence of a rare genotype by central laboratory testing",
    "Admission within 6 hours of symptom onset",
    "Two consecutive biopsies obtained within 14 days before enrolment",
    "Washout of all background medication for at least 8 weeks",
    "Must not have received more than one dose of any earlier investigational product",
)
"""Wordings that make a trial hard to fill: they add to the odds that it stops."""

CITIES: tuple[tuple[str, str, str, str, float, float], ...] = (
    ("Boston", "Massachusetts", "02114", "United States", 42.36, -71.06),
    ("Houston", "Texas", "77030", "United States", 29.76, -95.36),
    ("Chicago", "Illinois", "60611", "United States", 41.85, -87.65),
    ("Denver", "Colorado", "80204", "United States", 39.74, -104.98),
    ("Atlanta", "Georgia", "30322", "United States", 33.75, -84.39),
    ("Seattle", "Washington", "98109", "United States", 47.61, -122.33),
    ("Toronto", "Ontario", "M5G 2C4", "Canada", 43.71, -79.4),
    ("Montreal", "Quebec", "H2X 0A9", "Canada", 45.51, -73.59),
    ("London", "", "SE1 9RT", "United Kingdom", 51.51, -0.13),
    ("Leeds", "", "LS9 7TF", "United Kingdom", 53.8, -1.55),
    ("Edinburgh", "", "EH16 4SA", "United Kingdom", 55.95, -3.2),
    ("Berlin", "", "13353", "Germany", 52.52, 13.41),
    ("Hamburg", "", "20246", "Germany", 53.55, 9.99),
    ("Munich", "", "81377", "Germany", 48.14, 11.58),
    ("Paris", "", "75013", "France", 48.85, 2.35),
    ("Lyon", "", "69003", "France", 45.75, 4.85),
    ("Madrid", "", "28046", "Spain", 40.42, -3.7),
    ("Barcelona", "", "08036", "Spain", 41.39, 2.16),
    ("Rome", "", "00168", "Italy", 41.89, 12.51),
    ("Milan", "", "20132", "Italy", 45.46, 9.19),
    ("Amsterdam", "", "1105 AZ", "Netherlands", 52.37, 4.89),
    ("Rotterdam", "", "3015 GD", "Netherlands", 51.92, 4.48),
    ("Vienna", "", "1090", "Austria", 48.21, 16.37),
    ("Warsaw", "", "02-097", "Poland", 52.23, 21.01),
    ("Copenhagen", "", "2100", "Denmark", 55.68, 12.57),
    ("Stockholm", "", "171 76", "Sweden", 59.33, 18.07),
    ("Sydney", "New South Wales", "2050", "Australia", -33.87, 151.21),
    ("Melbourne", "Victoria", "3004", "Australia", -37.81, 144.96),
    ("Auckland", "", "1023", "New Zealand", -36.85, 174.76),
    ("Beijing", "Beijing", "100730", "China", 39.91, 116.4),
    ("Shanghai", "Shanghai", "200032", "China", 31.22, 121.46),
    ("Guangzhou", "Guangdong", "510080", "China", 23.12, 113.25),
    ("Tokyo", "", "113-8655", "Japan", 35.69, 139.69),
    ("Osaka", "", "565-0871", "Japan", 34.69, 135.5),
    ("Seoul", "", "03080", "Korea, Republic of", 37.57, 127.0),
    ("New Delhi", "", "110029", "India", 28.64, 77.22),
    ("Mumbai", "", "400012", "India", 19.07, 72.88),
    ("Tehran", "", "14117", "Iran, Islamic Republic of", 35.69, 51.42),
    ("Cairo", "", "11562", "Egypt", 30.06, 31.25),
    ("Nairobi", "", "00202", "Kenya", -1.28, 36.82),
    ("Cape Town", "", "7925", "South Africa", -33.93, 18.42),
    ("Sao Paulo", "", "05403", "Brazil", -23.55, -46.64),
    ("Lima", "", "15102", "Peru", -12.04, -77.03),
    ("Havana", "", "10400", "Cuba", 23.13, -82.38),
    ("Colombo", "", "00800", "Sri Lanka", 6.94, 79.85),
    ("Bangkok", "", "10700", "Thailand", 13.75, 100.5),
    ("Beirut", "", "1107", "Lebanon", 33.89, 35.49),
)
CITIES_OF: dict[str, tuple[int, ...]] = {
    country: tuple(i for i, city in enumerate(CITIES) if city[3] == country) for country in {c[3] for c in CITIES}
}

HOME_COUNTRIES: dict[str, tuple[str, ...]] = {
    "ClinicalTrials.gov": ("United States",) * 8 + ("Canada", "France", "United Kingdom", "Germany", "Egypt", "China", "Italy", "Korea, Republic of"),
    "EUCTR": ("Germany", "France", "Spain", "Italy", "Netherlands", "Austria", "Poland", "Denmark", "Sweden", "United Kingdom"),
    "CTIS": ("Germany", "France", "Spain", "Italy", "Netherlands", "Denmark"),
    "ISRCTN": ("United Kingdom",) * 5 + ("Netherlands", "Kenya"),
    "ANZCTR": ("Australia",) * 5 + ("New Zealand",),
    "ChiCTR": ("China",),
    "DRKS": ("Germany",),
    "IRCT": ("Iran, Islamic Republic of",),
    "CRIS": ("Korea, Republic of",),
    "CTRI": ("India",),
    "jRCT": ("Japan",),
    "UMIN": ("Japan",),
    "NL-OMON": ("Netherlands",),
    "PACTR": ("Kenya", "South Africa", "Egypt"),
    "ReBEC": ("Brazil",),
    "REPEC": ("Peru",),
    "SLCTR": ("Sri Lanka",),
    "TCTR": ("Thailand",),
    "LBCTR": ("Lebanon",),
    "RPCEC": ("Cuba",),
}
EUROPE = {
    "Germany": "DE", "France": "FR", "Spain": "ES", "Italy": "IT", "Netherlands": "NL", "Austria": "AT", "Poland": "PL",
    "Denmark": "DK", "Sweden": "SE", "United Kingdom": "GB",
}

PLACES = (
    "Northford", "Eastmere", "Westholm", "Southbury", "Lakeview", "Riverton", "Hillcrest", "Stonebridge", "Greenfield",
    "Ashdown", "Oakhaven", "Maplewood", "Clearwater", "Fairport", "Redcliff", "Silverton",
)
SPONSORS: dict[str, tuple[str, ...]] = {
    "INDUSTRY": ("Fictional Pharma {} Inc.", "Fictional Therapeutics {} Ltd", "Fictional Biotech {} GmbH", "Fictional Laboratories {} S.A.", "Fictional {} Pharmaceuticals Co., Ltd."),
    "OTHER": ("Fictional University of {}", "Fictional {} University Hospital", "Fictional {} Medical Center", "Fictional Hospital of {}", "Fictional Institute of {}", "Fictional {} College of Medicine"),
    "NIH": ("Fictional National Institute of {} Research (NIH)",),
    "FED": ("Fictional VA Office of Research, {}",),
    "OTHER_GOV": ("Fictional Ministry of Health of {}", "Fictional {} Department of Health"),
    "NETWORK": ("Fictional {} Oncology Group", "Fictional {} Trials Network"),
    "INDIV": ("Dr. Fictional Investigator of {}",),
}

WHY_STOPPED: dict[str, tuple[str, ...]] = {
    "enrollment issues": (
        "Slow accrual",
        "Low enrollment",
        "Insufficient recruitment of participants",
        "The sponsor closed the study because too few patients could be recruited.",
        "Unable to enroll the planned number of participants within the planned time",
        "Poor recruitment: only {n} patients in {m} months",
        "No participants enrolled",
        "recruitment difficulties at all sites",
    ),
    "feasibility": (
        "Lack of funding",
        "Funding was withdrawn after {m} months",
        "Principal investigator left the institution",
        "Business decision, not related to safety",
        "Sponsor's strategic decision to discontinue development",
        "Shortage of study drug supply",
        "Study staff no longer available",
        "Logistical problems made it impossible to go on",
    ),
    "lack of efficacy": (
        "Futility at the interim analysis",
        "Lack of efficacy",
        "The data monitoring committee recommended stopping because the primary endpoint was unlikely to be met",
        "No benefit over the control group in a planned interim analysis",
        "Primary endpoint was not met in the first cohort",
        "Conditional power too low after {n} patients",
    ),
    "regulatory/approval": (
        "The ethics committee did not renew its approval",
        "Regulatory authority placed the trial on clinical hold",
        "Approval by the competent authority was not obtained",
        "Institutional review board approval expired",
        "Marketing authorisation of the study drug was withdrawn in the region",
        "Not approved by the national agency",
    ),
    "safety issues": (
        "Safety concerns",
        "Unexpected serious adverse events in the treatment arm",
        "Dose-limiting toxicity in {n} of the first participants",
        "Stopped by the data safety monitoring board because of an imbalance in deaths",
        "Liver enzyme elevations led to early termination",
        "Unfavourable benefit-risk ratio",
    ),
    "other": (
        "The study was superseded by another protocol",
        "Sufficient data were obtained earlier than planned",
        "The study question was answered by other published trials",
        "Interrupted by the pandemic and not resumed",
        "Standard of care changed during the study",
        "Terminated",
    ),
}
