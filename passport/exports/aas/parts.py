"""The elements of IDTA 02035 parts 1 to 7 and of 02099-1: names, identifiers, types, and what is demanded.

Facts of the templates of July 2026: part 1 to 3 in version 1.0, part 4 to 7 and 02099-1 in 1.0.1. Names in
`also` and `same` are those of the models behind the templates, of part 4 in version 1.0, and of the contact
information that the templates drop in by reference.

Two types differ from the templates on purpose. Counts are `xs:integer`, not `xs:unsignedInt`: some readers
take the latter for a byte. The date of manufacture is a month (`xs:gYearMonth`), because no day is stated.

Source: IDTA 02035-1-0 to 02035-7-0-1, IDTA 02099-1-0-1, IDTA 02002-1-0 (contact information).
"""

from typing import Final

from passport.exports.aas.shape import Part, Shape, file, group, several, texts, value

_SAMM: Final = "urn:samm:io.admin-shell.idta."
_NAMEPLATE: Final = f"{_SAMM}batterypass.digital_nameplate:1.0.0#"
_TECHNICAL: Final = f"{_SAMM}batterypass.technical_data:1.0.0#"
_TECHNICAL_1: Final = f"{_SAMM}batterypass.technical_data:1.0.1#"
_CONDITION: Final = f"{_SAMM}batterypass.product_condition:1.0.1#"
_MATERIAL: Final = f"{_SAMM}batterypass.material_composition:1.0.1#"
_CIRCULARITY: Final = f"{_SAMM}batterypass.circularity:1.0.0#"
_CONTACT: Final = f"{_SAMM}contact_information:1.0.0#"
_FOOTPRINT: Final = "https://admin-shell.io/idta/CarbonFootprint/"
_HEADER: Final = "https://admin-shell.io/idta/cds/"
_INTEGER: Final = "xs:integer"
_FLOAT: Final = "xs:float"


def _document_ids(name: str, meaning: str, *, required: bool = True, **more: tuple[str, ...]) -> Shape:
    """A list of identifiers of documents, which part 2 describes."""
    entry = value("DocumentIdentifier", f"{_SAMM}handover_documentation:2.0.0#DocumentIdentifier")
    return several(name, meaning, entry, required=required, **more)


ADDRESS: Final = group(
    "AddressInformation",
    "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/AddressInformation",
    texts("NationalCode", "0173-1#02-AAO134#002", same=(f"{_CONTACT}nationalCode",), required=False),
    texts("CityTown", "0173-1#02-AAO132#002", same=(f"{_CONTACT}cityTown",), required=False),
    texts("Street", "0173-1#02-AAO128#002", same=(f"{_CONTACT}street",), required=False),
    texts("Zipcode", "0173-1#02-AAO129#002", same=(f"{_CONTACT}zipcode",), required=False),
    group(
        "Email",
        "0173-1#02-AAQ836#005",
        value("EmailAddress", "0173-1#02-AAO198#002"),
        required=False,
        same=(f"{_CONTACT}email",),
    ),
    value("AddressOfAdditionalLink", "0173-1#02-AAQ326#002", required=False),
    also=("ContactInformation",),
    same=("https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/ContactInformation",),
)

NAMEPLATE: Final = Part(
    "02035-1",
    group(
        "BatteryNameplate",
        "https://admin-shell.io/idta/digitalbatterypassport/nameplate/1/0/Nameplate",
        value("URIOfTheProduct", "0112/2///61987#ABN590#002", "xs:anyURI", same=("0173-1#02-ABH173#003",)),
        texts("ManufacturerName", "0112/2///61987#ABA565#009", same=("0173-1#02-AAO677#004",)),
        ADDRESS,
        value("SerialNumber", "0112/2///61987#ABA951#009", same=("0173-1#02-AAM556#004",)),
        value(
            "DateOfManufacture",
            "0112/2///61987#ABB757#007",
            "xs:gYearMonth",
            same=("0173-1#02-AAR972#004",),
        ),
        value("DateOfPuttingIntoService", f"{_NAMEPLATE}dateOfPuttingIntoService", "xs:date", required=False),
        value(
            "UniqueFacilityIdentifier",
            "https://admin-shell.io/idta/nameplate/3/0/UniqueFacilityIdentifier",
            same=("0173-1#02-AAV646#003",),
        ),
        value("LifeCycleStage", "0173-1#02-ABL841#001", same=(f"{_NAMEPLATE}batteryStatus",)),
        value("OperatorIdentifier", f"{_NAMEPLATE}operatorIdentifier", required=False),
        value("ManufacturerIdentifier", f"{_TECHNICAL}manufacturerIdentifier"),
        several(
            "Markings",
            "0112/2///61360_7#AAS006",
            group(
                "Markings__00__",
                "0112/2///61360_7#AAS009#001",
                value("MarkingName", "0112/2///61987#ABA231#009", same=("0173-1#02-ABI190#003",)),
                value(
                    "DesignationOfCertificateOrApproval",
                    "0112/2///61987#ABH783#003",
                    required=False,
                    same=("0173-1#02-ABI975#002",),
                ),
                value("IssueDate", "0112/2///61987#ABO097#001", "xs:date", required=False),
                value("ExpiryDate", "0112/2///61987#ABH830#002", "xs:date", required=False),
                file(
                    "MarkingFile", "0112/2///61987#ABO100#002", required=False, same=("0173-1#02-ABI191#003",)
                ),
                value(
                    "MarkingAdditionalText",
                    "0112/2///61987#ABB146#007",
                    required=False,
                    many=True,
                    same=("0173-1#02-ABI192#003",),
                ),
            ),
            same=("0173-1#02-ABI563#003/0173-1#01-AHF849#003",),
        ),
        _document_ids("EUDeclarationOfConformity", f"{_NAMEPLATE}euDeclarationOfConformity"),
        _document_ids(
            "ResultsOfTestReportsProvingCompliance", f"{_NAMEPLATE}resultsOfTestReportsProvingCompliance"
        ),
        also=("NameplateBattery", "DigitalNameplate", "Nameplate"),
        same=(
            "https://admin-shell.io/idta/nameplate/3/0/Nameplate",
            f"{_SAMM}batterypass.digital_nameplate:1.0.0#NameplateBattery",
            f"{_SAMM}batterypass.digital_nameplate:1.0.0",
        ),
    ),
    "https://admin-shell.io/idta-02035-1",
    "1.0",
)

DOCUMENTS: Final = Part(
    "02035-2",
    group(
        "HandoverDocumentation",
        "0173-1#01-AHF578#003",
        several(
            "Documents",
            "0173-1#02-ABI500#003",
            group(
                "Document",
                "0173-1#02-ABI500#003/0173-1#01-AHF579#003",
                several(
                    "DocumentClassifications",
                    "0173-1#02-ABI502#003",
                    group(
                        "DocumentClassification",
                        "0173-1#02-ABI502#003/0173-1#01-AHF581#003",
                        texts("ClassName", "0173-1#02-ABJ219#002"),
                        value("ClassId", "0173-1#02-ABH996#003"),
                        value("ClassificationSystem", "0173-1#02-ABH997#003"),
                    ),
                ),
                several(
                    "DocumentIds",
                    "0173-1#02-ABI501#003",
                    group(
                        "DocumentId",
                        "0173-1#02-ABI501#003/0173-1#01-AHF580#003",
                        value("DocumentDomainId", "0173-1#02-ABH994#003"),
                        value("DocumentIdentifier", "0173-1#02-AAO099#004"),
                        value("DocumentIsPrimary", "0173-1#02-ABH995#003", "xs:boolean", required=False),
                    ),
                ),
                several(
                    "DocumentVersions",
                    "0173-1#02-ABI503#003",
                    group(
                        "DocumentVersion",
                        "0173-1#02-ABI503#003/0173-1#01-AHF582#003",
                        several(
                            "Language",
                            "0173-1#02-AAN468#008",
                            value("", "0173-1#02-AAN468#008"),
                            also=("Languages",),
                        ),
                        value("Version", "0173-1#02-AAP003#005", required=False),
                        texts("Title", "0173-1#02-ABG940#003"),
                        texts("Subtitle", "0173-1#02-ABH998#003", required=False),
                        texts("Description", "0173-1#02-AAN466#004", required=False),
                        several("DigitalFiles", "0173-1#02-ABK126#002", file("", "0173-1#02-ABK126#002")),
                    ),
                ),
            ),
        ),
        also=("HandoverDocumentationBattery",),
        same=(f"{_SAMM}batterypass.handover_documentation:1.0.0#HandoverDocumentation",),
    ),
    "https://admin-shell.io/idta-02035-2",
    "1.0",
)

FOOTPRINT: Final = Part(
    "02035-3",
    group(
        "CarbonFootprint",
        f"{_FOOTPRINT}CarbonFootprint/1/0",
        several(
            "ProductCarbonFootprints",
            f"{_FOOTPRINT}ProductCarbonFootprints/1/0",
            group(
                "ProductCarbonFootprint",
                f"{_FOOTPRINT}ProductCarbonFootprint/1/0",
                several(
                    "PcfCalculationMethods",
                    f"{_FOOTPRINT}PcfCalculationMethods/1/0",
                    value("PcfCalculationMethod", "0173-1#02-ABG854#003"),
                ),
                value("PcfCO2eq", "0173-1#02-ABG855#003", "xs:decimal"),
                value("ReferenceImpactUnitForCalculation", "0173-1#02-ABG856#003"),
                value("QuantityOfMeasureForCalculation", "0173-1#02-ABG857#003", "xs:double"),
                several(
                    "LifeCyclePhases",
                    f"{_FOOTPRINT}LifeCyclePhases/1/0",
                    value("LifeCyclePhase", "0173-1#02-ABG858#004"),
                ),
                value("PerformanceClass", f"{_SAMM}batterypass.carbon_footprint:1.0.0#performanceClass"),
                _document_ids(
                    "WebLinkToPublicCarbonFootprintStudy",
                    f"{_SAMM}batterypass.carbon_footprint:1.0.0#webLinkToPublicCarbonFootprintStudy",
                ),
            ),
        ),
        also=("CarbonFootprintBattery",),
        same=(f"{_SAMM}batterypass.carbon_footprint:1.0.0#CarbonFootprintBattery",),
    ),
    "https://admin-shell.io/idta-02023-1-0",
    "1.0",
)

TECHNICAL: Final = Part(
    "02035-4",
    group(
        "TechnicalData",
        "https://admin-shell.io/idta/digitalbatterypassport/TechnicalData/1/0",
        group(
            "GeneralInformation",
            "0173-1#02-ABK161#002/0173-1#01-AHX838#002",
            value("ManufacturerName", "0173-1#02-AAO677#004"),
            file("CompanyLogo", "0173-1#02-ABI776#002", required=False),
            texts("ManufacturerProductDesignation", "0173-1#02-AAW338#003", required=False, read_only=True),
            value("ManufacturerArticleNumber", "0173-1#02-AAO676#005", required=False, read_only=True),
            value("ManufacturerOrderCode", "0173-1#02-AAO227#004", required=False, read_only=True),
            value("ManufacturerIdentifier", f"{_TECHNICAL}manufacturerIdentifier"),
            value("WarrantyPeriod", f"{_TECHNICAL}warrantyPeriod", required=False, read_only=True),
            value("BatteryCategory", f"{_TECHNICAL}batteryCategory"),
            value("BatteryMass", f"{_TECHNICAL}batteryMass", _FLOAT),
            several(
                "ProductImages",
                "0173-1#02-ABM220#001",
                file("ProductImage", "0173-1#02-ABM220#001/0173-1#01-AHY911#001"),
                required=False,
            ),
            group(
                "WarrantyInformation",
                f"{_TECHNICAL_1}warrantyInformation",
                value("WarrantyPeriod", f"{_TECHNICAL_1}warrantyPeriod"),
                required=False,
            ),
        ),
        group(
            "TechnicalPropertyAreas",
            "0173-1#02-ABK163#002",
            group(
                "CapacityEnergyVoltage",
                f"{_TECHNICAL}capacityEnergyVoltage",
                value("NominalVoltage", "0173-1#02-ABL588#001", _FLOAT),
                value("MinVoltage", "0173-1#02-ABL587#001", _FLOAT),
                value("MaxVoltage", "0173-1#02-ABL589#001", _FLOAT),
                value("RatedCapacity", "0173-1#02-ABL869#002", _FLOAT),
                value("CapacityFade", "0173-1#02-ABL828#002", _FLOAT, required=False),
                value("CertifiedUsableBatteryEnergy", "0173-1#02-ABL829#002", _FLOAT, required=False),
            ),
            group(
                "RoundTripEnergyEfficiency",
                f"{_TECHNICAL}roundTripEnergyEfficiency",
                value("InitialRoundTripEnergyEfficiency", "0173-1#02-ABL833#002", _INTEGER),
                value("RoundTripEnergyEfficiencyAt50PercentOfCycleLife", "0173-1#02-ABL866#002", _INTEGER),
                value("EnergyRoundTripEfficiencyFade", "0173-1#02-ABL827#002", _FLOAT, required=False),
                value("InitialSelfDischargingRate", "0173-1#02-ABL834#002", _INTEGER, required=False),
            ),
            group(
                "Resistance",
                f"{_TECHNICAL}resistance",
                value(
                    "InitialInternalResistanceOnBatteryCellLevel",
                    "0173-1#02-ABL844#002",
                    _FLOAT,
                    also=("InitialInternalResistanceAtBatteryCellLevel",),
                ),
                value(
                    "InitialInternalResistanceOnBatteryPackLevel",
                    "0173-1#02-ABL846#002",
                    _FLOAT,
                    also=("InitialInternalResistanceAtBatteryPackLevel",),
                ),
                value(
                    "InitialInternalResistanceOnBatteryModuleLevel",
                    "0173-1#02-ABL832#002",
                    _FLOAT,
                    required=False,
                    also=("InitialInternalResistanceAtBatteryModuleLevel",),
                ),
                value(
                    "InternalResistanceIncreaseOfBatteryCellLevel",
                    f"{_TECHNICAL}internalResistanceIncreaseOfBatteryCell",
                    _FLOAT,
                    required=False,
                    also=("InternalResistanceIncreaseAtBatteryCellLevel",),
                    same=(f"{_TECHNICAL}internalResistanceIncreaseAtBatteryCellLevel",),
                ),
                value(
                    "InternalResistanceIncreaseOfBatteryPackLevel",
                    f"{_TECHNICAL}internalResistanceIncreaseOfBatteryPack",
                    _FLOAT,
                    also=("InternalResistanceIncreaseAtBatteryPackLevel",),
                    same=(f"{_TECHNICAL}internalResistanceIncreaseAtBatteryPackLevel",),
                ),
                value(
                    "InternalResistanceIncreaseOfBatteryModuleLevel",
                    f"{_TECHNICAL}initialInternalResistanceOfBatteryModule",
                    _FLOAT,
                    required=False,
                    also=("InternalResistanceIncreaseAtBatteryModuleLevel",),
                    same=(f"{_TECHNICAL}initialInternalResistanceAtBatteryModuleLevel",),
                ),
            ),
            group(
                "PowerCapability",
                f"{_TECHNICAL}powerCapability",
                value("MaximumPermittedBatteryPower", "0173-1#02-ABL843#002", _FLOAT),
                value("PowerFade", "0173-1#02-ABL852#002", _FLOAT),
                value(
                    "RatioNorminalBatteryPowerAndBatteryEnergy",
                    f"{_TECHNICAL}powerCapabilityRatio",
                    _FLOAT,
                    required=False,
                    also=("RatioNominalBatteryPowerAndBatteryEnergy",),
                ),
                several(
                    "OriginalPowerCapability",
                    "0173-1#02-ABL853#002",
                    group(
                        "PowerCapabilityAt",
                        f"{_TECHNICAL}PowerCapabilityAt",
                        value("atSoc", f"{_TECHNICAL}atSoC", _INTEGER),
                        value("powerCapabilityAt", f"{_TECHNICAL}powerCapabilityAt", _FLOAT),
                    ),
                ),
            ),
            group(
                "Temperature",
                f"{_TECHNICAL}temperature",
                value("TemperatureRangeIdleState_LowerBoundary", "0173-1#02-ABL842#002", _FLOAT),
                value("TemperatureRangeIdleState_UpperBoundary", "0173-1#02-ABL871#002", _FLOAT),
            ),
            group(
                "Lifetime",
                f"{_TECHNICAL}lifetime",
                value("ExpectedLifetimeInCalendarYears", f"{_TECHNICAL}expectedLifetime", _INTEGER),
                value("ExpectedNumberOfCycles", f"{_TECHNICAL}expectedNumberOfCycles", _INTEGER),
                value("CapacityThresholdExhaustion", "0173-1#02-ABL838#002", _FLOAT, required=False),
                value("CRateOfRelevantCycleLifeTest", f"{_TECHNICAL}cRateLifeCycleTest", "xs:decimal"),
                several(
                    "cycleLifeReferenceTest",
                    f"{_TECHNICAL}cycleLifeReferenceTest",
                    value("DocumentIdentifier", "0173-1#02-ABI501#003/0173-1#01-AHF580#003"),
                    required=False,
                    read_only=True,
                ),
            ),
        ),
        also=("TechnicalDataBattery",),
        same=("0173-1#01-AHX837#002",),
    ),
    "IDTA-02003-2-0",
    "1.0.1",
)


def _measured(name: str, meaning: str, *, xs: str = _FLOAT, required: bool = False) -> Shape:
    """A value of the condition, with the moment it is true of."""
    return group(
        name,
        f"{_CONDITION}{meaning}",
        value(f"{name}Value", f"{_CONDITION}{meaning}Value", xs),
        value("LastUpdate", f"{_CONDITION}lastUpdate", "xs:dateTime"),
        required=required,
    )


CONDITION: Final = Part(
    "02035-5",
    group(
        "ProductCondition",
        f"{_SAMM}batterypass.product_condition:1.0.0#ProductCondition",
        _measured("EnergyThroughput", "energyThroughput"),
        _measured("CapacityThroughput", "capacityThroughput"),
        _measured("NumberOfFullCycles", "numberOfFullCycles", xs=_INTEGER, required=True),
        _measured("StateOfCertifiedEnergy", "stateOfCertifiedEnergy"),
        _measured("RemainingEnergy", "remainingEnergy"),
        _measured("RemainingCapacity", "remainingCapacity"),
        several(
            "NegativeEvents",
            f"{_CONDITION}negativeEvents",
            group(
                "NegativeEvent",
                f"{_CONDITION}NegativeEvent",
                value("NegativeEventValue", f"{_CONDITION}negativeEventValue"),
                value("LastUpdate", f"{_CONDITION}lastUpdate", "xs:dateTime"),
            ),
            required=False,
        ),
        _document_ids("InformationOnAccidents", f"{_CONDITION}informationOnAccidents"),
        group(
            "TemperatureInformation",
            f"{_CONDITION}temperatureInformation",
            value("MeasuredTemp", f"{_CONDITION}measuredTemp", _FLOAT, required=False),
            value("TimeExtremeHighTemp", f"{_CONDITION}timeExtremeHighTemp", _FLOAT, required=False),
            value("TimeExtremeLowTemp", f"{_CONDITION}timeExtremeLowTemp", _FLOAT, required=False),
            value(
                "TimeExtremeHighTempCharging",
                f"{_CONDITION}timeExtremeHighTempCharging",
                _FLOAT,
                required=False,
            ),
            value(
                "TimeExtremeLowTempCharging",
                f"{_CONDITION}timeExtremeLowTempCharging",
                _FLOAT,
                required=False,
            ),
            value("LastUpdate", f"{_CONDITION}lastUpdate", "xs:dateTime"),
        ),
        group(
            "RemainingPowerCapability",
            f"{_CONDITION}remainingPowerCapability",
            group(
                "RemainingPowerCapabilityDynamicAt",
                f"{_CONDITION}remainingPowerCapabilityDynamicAt",
                value("RPCLastUpdated", f"{_CONDITION}rPCLastUpdated", "xs:dateTime"),
                value("AtSoC", f"{_CONDITION}atSoC", _FLOAT),
                value("PowerCapabilityAt", f"{_CONDITION}powerCapabilityAt", _FLOAT),
                also=("RemainingPowerCapabilityValue",),
                same=(f"{_CONDITION}remainingPowerCapabilityValue",),
            ),
            value("LastUpdate", f"{_CONDITION}lastUpdate", "xs:dateTime"),
            required=False,
        ),
        _measured("EvolutionOfSelfDischarge", "evolutionOfSelfDischarge"),
        _measured("CurrentSelfDischargingRate", "currentSelfDischargingRate"),
        _measured("RemainingRoundTripEnergyEfficiency", "remainingRoundTripEnergyEfficiency"),
        _measured("StateOfCharge", "stateOfCharge", required=True),
        also=("ProductConditionBattery",),
        same=(f"{_SAMM}batterypass.product_condition:1.0.0#ProductConditionBattery",),
    ),
    "https://admin-shell.io/idta-02035-5",
    "1.0.1",
)


def _location(name: str, meaning: str, *, required: bool) -> Shape:
    return group(
        name,
        f"{_MATERIAL}{meaning}",
        value("ComponentName", f"{_MATERIAL}componentName", required=False),
        value("ComponentId", f"{_MATERIAL}componentId", required=False),
        required=required,
    )


MATERIALS: Final = Part(
    "02035-6",
    group(
        "MaterialComposition",
        f"{_SAMM}batterypass.material_composition:1.0.0#MaterialComposition",
        group(
            "BatteryChemistry",
            f"{_MATERIAL}batteryChemistry",
            value("ShortName", f"{_MATERIAL}shortName"),
            value("ClearName", f"{_MATERIAL}clearName"),
        ),
        several(
            "BatteryMaterials",
            f"{_MATERIAL}batteryMaterials",
            group(
                "BatteryMaterial",
                f"{_MATERIAL}BatteryMaterial",
                _location("BatteryMaterialLocation", "batteryMaterialLocation", required=True),
                value("BatteryMaterialIdentifier", f"{_MATERIAL}batteryMaterialIdentifier"),
                value("BatteryMaterialName", f"{_MATERIAL}batteryMaterialName"),
                value("BatteryMaterialMass", f"{_MATERIAL}batteryMaterialMass", _FLOAT, required=False),
                value("IsCriticalRawMaterial", f"{_MATERIAL}isCriticalRawMaterial", "xs:boolean"),
            ),
        ),
        several(
            "HazardousSubstances",
            f"{_MATERIAL}hazardousSubstances",
            group(
                "HazardousSubstance",
                f"{_MATERIAL}HazardousSubstance",
                value("HazardousSubstanceClass", f"{_MATERIAL}hazardousSubstanceClass", required=False),
                value("HazardousSubstanceName", f"{_MATERIAL}hazardousSubstanceName"),
                value(
                    "HazardousSubstanceConcentration",
                    f"{_MATERIAL}hazardousSubstanceConcentration",
                    "xs:double",
                    required=False,
                ),
                several(
                    "HazardousSubstanceImpact",
                    f"{_MATERIAL}hazardousSubstanceImpact",
                    value("Impact", f"{_MATERIAL}Impact"),
                    required=False,
                ),
                _location("HazardousSubstanceLocation", "hazardousSubstanceLocation", required=False),
                value("HazardousSubstanceIdentifier", f"{_MATERIAL}hazardousSubstanceIdentifier"),
            ),
        ),
        also=("MaterialCompositionBattery",),
        same=(f"{_SAMM}batterypass.material_composition:1.0.0#MaterialCompositionBattery",),
    ),
    "https://admin-shell.io/idta-02035-6",
    "1.0.1",
)

CIRCULARITY: Final = Part(
    "02035-7",
    group(
        "Circularity",
        f"{_SAMM}batterypass.circularity:1.0.0#Circularity",
        _document_ids("DismantlingAndRemovalInformation", f"{_CIRCULARITY}dismantlingAndRemovalInformation"),
        several(
            "SparePartSources",
            f"{_CIRCULARITY}sparePartSources",
            group(
                "SparePartSupplier",
                f"{_CIRCULARITY}SparePartSupplier",
                texts("NameOfSupplier", f"{_CONTACT}company", same=("0173-1#02-AAW001#001",)),
                group(
                    "AddressOfSupplier",
                    f"{_CIRCULARITY}addressOfSupplier",
                    texts("NationalCode", f"{_CONTACT}nationalCode"),
                    texts("PostalCode", f"{_CONTACT}postalCode"),
                    texts("Street", f"{_CONTACT}street"),
                ),
                group(
                    "EmailAddressOfSupplier",
                    f"{_CONTACT}email",
                    value("EmailAddress", f"{_CONTACT}emailAddress"),
                    texts("PublicKey", f"{_CONTACT}publicKey", required=False),
                    value("TypeOfEmailAddress", f"{_CONTACT}typeOfEmailAddress", required=False),
                    texts("TypeOfPublicKey", f"{_CONTACT}typeOfPublicKey", required=False),
                ),
                value("SupplierWebAddress", f"{_CONTACT}addressOfAdditionalLink"),
                several(
                    "Components",
                    f"{_CIRCULARITY}components",
                    group(
                        "Component",
                        f"{_CIRCULARITY}Component",
                        value("PartName", f"{_CIRCULARITY}partName"),
                        value("PartNumber", f"{_CIRCULARITY}partNumber"),
                    ),
                ),
            ),
        ),
        several(
            "RecycledContentInformation",
            f"{_CIRCULARITY}recycledContent",
            group(
                "RecycledContent",
                f"{_CIRCULARITY}RecycledContent",
                value("PreConsumerShare", f"{_CIRCULARITY}preConsumerShare", _FLOAT, required=False),
                value("RecycledMaterial", f"{_CIRCULARITY}recycledMaterial"),
                value("PostConsumerShare", f"{_CIRCULARITY}postConsumerShare", _FLOAT, required=False),
            ),
        ),
        group(
            "SafetyMeasures",
            f"{_CIRCULARITY}safetyMeasures",
            _document_ids("SafetyInstructions", f"{_CIRCULARITY}safetyInstructions"),
            several(
                "ExtinguishingAgents",
                f"{_CIRCULARITY}extinguishingAgents",
                value("ExtinguishingAgent", f"{_CIRCULARITY}ExtinguishingAgent"),
            ),
        ),
        group(
            "EndOfLifeInformation",
            f"{_CIRCULARITY}endOfLifeInformation",
            _document_ids("WastePrevention", f"{_CIRCULARITY}wastePrevention"),
            _document_ids("SeparateCollection", f"{_CIRCULARITY}separateCollection"),
            _document_ids("InformationOnCollection", f"{_CIRCULARITY}informationOnCollection"),
        ),
        value("RenewableContent", f"{_CIRCULARITY}renewableContent", _FLOAT),
        also=("CircularityBattery",),
        same=(f"{_SAMM}batterypass.circularity:1.0.0#CircularityBattery",),
    ),
    "https://admin-shell.io/idta-02035-7",
    "1.0.1",
)

HEADER: Final = Part(
    "02099-1",
    group(
        "DppMetadata",
        f"{_HEADER}dppMetadata/1",
        value("digitalProductPassportId", f"{_HEADER}digitalProductPassportId/1"),
        value("uniqueProductIdentifier", f"{_HEADER}uniqueProductIdentifier/1"),
        value("granularity", f"{_HEADER}granularity/1"),
        value("dppSchemaVersion", f"{_HEADER}dppSchemaVersion/1"),
        value("dppStatus", f"{_HEADER}dppStatus/1"),
        value("lastUpdate", f"{_HEADER}lastUpdate/1", "xs:dateTime", also=("lastUpdated",)),
        value("economicOperatorId", f"{_HEADER}economicOperatorId/1"),
        value("facilityId", f"{_HEADER}facilityId/1", required=False),
        several(
            "contentSpecificationIds",
            f"{_HEADER}contentSpecificationIds/1",
            value("contentSpecificationId", f"{_HEADER}contentSpecificationId/1"),
            required=False,
        ),
    ),
    "",
    "1.0.1",
)

PARTS: Final = (HEADER, NAMEPLATE, DOCUMENTS, FOOTPRINT, TECHNICAL, CONDITION, MATERIALS, CIRCULARITY)
